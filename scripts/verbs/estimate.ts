/** `kdumpling estimate`: how much memory to reserve, and how large and long a dump would be. */

import { LAYOUTS } from '../../initrd/image.ts';
import { hostReservation, readFacts } from '../lib/arming/facts.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { describeBytes } from '../lib/cli/sizes.ts';
import type { DumpEstimate } from '../lib/estimate/dump-size.ts';
import { crashkernelValue, judgeReservation, type Reservation } from '../lib/estimate/reservation.ts';
import { openHost } from '../lib/host/host.ts';

const OPTIONS = { json: { help: 'say it as JSON' } } as const;

export const estimate: Command<typeof OPTIONS> = {
  name: 'kdumpling estimate',
  purpose: 'Says how much memory to reserve, and how large and long a dump would be.',
  options: OPTIONS,
  async run({ json }) {
    const host = openHost();
    const { settings, reservedBytes, reservation, dump, roomBytes } = readFacts(host);
    const layouts = LAYOUTS.map(layout => ({ layout, ...hostReservation(host, settings, layout) }));
    if (json) {
      console.log(JSON.stringify({ reservedBytes, layouts, dump, roomBytes }, undefined, 2));
      return EXIT.done;
    }
    for (const { layout, ...needs } of layouts) console.log(reservationText(layout, needs));
    const judgement = judgeReservation(reservedBytes, reservation) ?? 'that is right';
    console.log(
      reservedBytes > 0
        ? `reserved: ${crashkernelValue(reservedBytes)}; ${judgement}`
        : 'reserved: nothing; `kdumpling enable` does it',
    );
    console.log(dumpText(dump, roomBytes));
    return EXIT.done;
  },
};

function reservationText(layout: string, { terms, leastBytes, advisedBytes }: Reservation): string {
  return [
    `${layout}: crashkernel=${crashkernelValue(advisedBytes)} (at least ${crashkernelValue(leastBytes)})`,
    ...terms.map(({ bytes, why }) => `  ${crashkernelValue(bytes).padStart(6)}  ${why}`),
  ].join('\n');
}

function dumpText({ keptBytes, usualBytes, mostBytes, seconds }: DumpEstimate, roomBytes?: number): string {
  const free = roomBytes === undefined ? '' : `; it may take ${describeBytes(roomBytes)}`;
  return [
    `a dump now: ${describeBytes(keptBytes)} of memory, about ${describeBytes(usualBytes)} on the disk, at most ${describeBytes(mostBytes)}${free}`,
    `  about ${Math.ceil(seconds)} s from the panic to the reboot, on a disk that keeps up`,
  ].join('\n');
}
