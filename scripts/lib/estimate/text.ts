/** An estimate for people and for programs. */
import { neededBytes } from '../../../capture/flow/autopsy-watch.ts';
import type { Layout } from '../../../initrd/layouts.ts';
import { describeBytes } from '../cli/sizes.ts';
import { tableLines, terminalColumns } from '../cli/table.ts';
import { crashkernelWords } from '../crashkernel/words.ts';
import type { ReservedParts } from '../kexec/reserved-parts.ts';
import { type CpuChoice, cpusText } from './cpus.ts';
import type { DumpEstimate } from './dump-size.ts';
import {
  advisedValues,
  crashkernelValue,
  filledBytes,
  judgeReservation,
  lendingCost,
  partsText,
  type Reservation,
  shortageOf,
} from './reservation.ts';

export const ESTIMATE_FORMAT = 1;

export interface Estimate {
  readonly reserved: ReservedParts;
  /** For the configured layout. */
  readonly reservation: Reservation;
  /** Of the crash kernel, with what is reserved. */
  readonly cpus: CpuChoice;
  readonly layouts: readonly (Reservation & { readonly layout: Layout })[];
  /** Undefined where nothing is known of the machine's memory. */
  readonly dump?: DumpEstimate;
  /** How large a dump may be; undefined while the target is not mounted. */
  readonly roomBytes?: number;
}

export function estimateText({ reserved, reservation, cpus, layouts, dump, roomBytes }: Estimate): string {
  return [
    ...layouts.flatMap(reservationLines),
    // Of an image neither is known.
    ...(dump
      ? [
          reservedText(reserved, reservation),
          `crash kernel: ${cpusText(cpus)}`,
          ...dumpLines(dump, roomBytes),
        ]
      : []),
  ].join('\n');
}

/** The document of `kdumpling estimate --json`. */
export function estimateData({ reserved, cpus, layouts, dump, roomBytes }: Estimate): unknown {
  const { bytes: reservedBytes, cmaBytes: reservedCmaBytes } = reserved;
  return {
    format: ESTIMATE_FORMAT,
    reservedBytes,
    reservedCmaBytes,
    ...(dump ? { crashCpus: cpus } : {}),
    layouts,
    dump,
    roomBytes,
  };
}

function reservationLines(layout: Estimate['layouts'][number]): string[] {
  const { terms, headroomBytes, leastBytes, advisedBytes, loadBytes, lending } = layout;
  const width = Math.max(...terms.map(({ bytes }) => crashkernelValue(bytes).length));
  // What is lent makes up for it where a part is lent.
  const byDefault = [
    { bytes: headroomBytes, why: HEADROOM },
    { bytes: filledBytes(layout), why: FILLED },
  ];
  const shown = [...terms, ...(lending ? [] : byDefault.filter(({ bytes }) => bytes > 0))];
  const rows = shown.map(({ bytes, why }) => [crashkernelValue(bytes).padStart(width), why]);
  const whole = lending ? `without lending ${crashkernelValue(advisedBytes)}, ` : '';
  return [
    `${layout.layout}: ${crashkernelWords(advisedValues(layout))} (${whole}at least ${crashkernelValue(leastBytes)})`,
    ...tableLines(rows, { indent: 2, columns: terminalColumns(), last: 'wrapped' }),
    ...(loadBytes === undefined ? [] : [`  loading it takes ${crashkernelValue(loadBytes)}: ${LOADED}`]),
    ...(lending ? [`  ${lendingCost(layout, lending)}`] : []),
  ];
}

const HEADROOM = `on top by default, so that there is room for the autopsy, which begins where ${crashkernelValue(neededBytes(false))} are available, and for the next kernel or a driver more`;
const FILLED = 'up to 128M, what Debian’s kdump-tools reserve: for a second CPU, and a shorter capture';
const LOADED = 'the unpacked kernel and the initrd, in one piece that nothing is lent of';

function reservedText(reserved: ReservedParts, reservation: Reservation): string {
  if (reserved.bytes === 0) return 'reserved: nothing; `kdumpling enable` does it';
  const judgement =
    shortageOf(reserved, reservation) ?? judgeReservation(reserved, reservation) ?? 'that is right';
  return `reserved: ${partsText(reserved)}; ${judgement}`;
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
