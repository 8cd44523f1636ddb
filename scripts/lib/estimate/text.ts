/** An estimate for people and for programs. */
import type { Layout } from '../../../initrd/image.ts';
import { describeBytes } from '../cli/sizes.ts';
import { tableLines, terminalColumns } from '../cli/table.ts';
import type { DumpEstimate } from './dump-size.ts';
import { crashkernelValue, judgeReservation, type Reservation } from './reservation.ts';

export const ESTIMATE_FORMAT = 1;

export interface Estimate {
  readonly reservedBytes: number;
  /** For the configured layout. */
  readonly reservation: Reservation;
  readonly layouts: readonly (Reservation & { readonly layout: Layout })[];
  /** Undefined where nothing is known of the machine's memory. */
  readonly dump?: DumpEstimate;
  /** How large a dump may be; undefined while the target is not mounted. */
  readonly roomBytes?: number;
}

export function estimateText({ reservedBytes, reservation, layouts, dump, roomBytes }: Estimate): string {
  return [
    ...layouts.flatMap(reservationLines),
    // Of an image neither is known.
    ...(dump ? [reservedText(reservedBytes, reservation), ...dumpLines(dump, roomBytes)] : []),
  ].join('\n');
}

/** The document of `kdumpling estimate --json`. */
export function estimateData({ reservedBytes, layouts, dump, roomBytes }: Estimate): unknown {
  return { format: ESTIMATE_FORMAT, reservedBytes, layouts, dump, roomBytes };
}

function reservationLines({
  layout,
  terms,
  leastBytes,
  advisedBytes,
}: Estimate['layouts'][number]): string[] {
  const width = Math.max(...terms.map(({ bytes }) => crashkernelValue(bytes).length));
  const rows = terms.map(({ bytes, why }) => [crashkernelValue(bytes).padStart(width), why]);
  return [
    `${layout}: crashkernel=${crashkernelValue(advisedBytes)} (at least ${crashkernelValue(leastBytes)})`,
    ...tableLines(rows, { indent: 2, columns: terminalColumns(), last: 'wrapped' }),
  ];
}

function reservedText(reservedBytes: number, reservation: Reservation): string {
  if (reservedBytes === 0) return 'reserved: nothing; `kdumpling enable` does it';
  const judgement = judgeReservation(reservedBytes, reservation) ?? 'that is right';
  return `reserved: ${crashkernelValue(reservedBytes)}; ${judgement}`;
}

function dumpLines(dump: DumpEstimate, roomBytes: number | undefined): string[] {
  return [
    'a dump taken now:',
    ...tableLines(dumpRows(dump, roomBytes), { indent: 2, columns: terminalColumns(), last: 'wrapped' }),
  ];
}

function dumpRows(
  { keptBytes, usualBytes, mostBytes, seconds }: DumpEstimate,
  roomBytes?: number,
): string[][] {
  return [
    ['memory', `${describeBytes(keptBytes)} kept`],
    ['on the disk', `about ${describeBytes(usualBytes)}, at most ${describeBytes(mostBytes)}`],
    ...(roomBytes === undefined ? [] : [['room', describeBytes(roomBytes)]]),
    ['time', `about ${Math.ceil(seconds)} s from the panic to the reboot, if the disk keeps up`],
  ];
}
