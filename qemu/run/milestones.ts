/** The stations of a crash in order, recognized on the serial console. */
import type { SerialLine } from '../machine/serial.ts';

const STATIONS = [
  { name: 'first kernel', pattern: /Linux version / },
  { name: 'armed', pattern: /^lab: armed/ },
  // panic()'s message, or the head of an oops: with a crash kernel loaded, no panic() follows it.
  { name: 'panic', pattern: /Kernel panic - not syncing: |: [0-9a-f]{4,16} \[#1\]/ },
  { name: 'capture kernel', pattern: /Linux version / },
  { name: 'PID 1', pattern: /kdumpling: start: / },
  { name: 'capture ended', pattern: /kdumpling: end: (saved|NOT saved)/ },
  { name: 'rebooted', pattern: /Linux version / },
  { name: 'came home', pattern: /^lab: came home/ },
] as const;

export type Station = (typeof STATIONS)[number]['name'];

/** Seconds since QEMU's start at which each station was reached. Stations that were not reached are left out. */
export type Milestones = Partial<Record<Station, number>>;

/** Searches each station after the last one that was reached, so that a missing one does not hide the rest. */
export function readMilestones(lines: readonly SerialLine[]): Milestones {
  const reached: Milestones = {};
  let from = 0;
  for (const { name, pattern } of STATIONS) {
    const index = lines.findIndex(({ text }, at) => at >= from && pattern.test(text));
    if (index < 0) continue;
    reached[name] = lines[index].atSeconds;
    from = index + 1;
  }
  return reached;
}
