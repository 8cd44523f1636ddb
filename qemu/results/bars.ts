/** Where the time between the panic and the machine's return goes, in order, for stacked bars. */
import type { Run } from './runs.ts';

export interface Segment {
  readonly name: string;
  readonly seconds: number;
}

/** Stations of run/milestones.ts, and what comes before each. */
const STEPS = [
  { name: 'kexec', from: 'panic', to: 'capture kernel' },
  { name: 'boot', from: 'capture kernel', to: 'PID 1' },
  { name: 'capture', from: 'PID 1', to: 'capture ended' },
  { name: 'reboot', from: 'capture ended', to: 'rebooted' },
  { name: 'first kernel', from: 'rebooted', to: 'came home' },
] as const;

/** The capture's phase before its first line, which the lab measures itself. */
const BEFORE_PID1 = 'boot';

/** The capture's own phases stand in the place of `capture`, with what is left of it as `other`. */
export function segmentsOf({ phases }: Pick<Run, 'phases'>): Segment[] {
  const at = phases?.lab ?? {};
  return STEPS.flatMap(({ name, from, to }) => {
    if (at[from] === undefined || at[to] === undefined) return [];
    const seconds = at[to] - at[from];
    return name === 'capture' ? capturePhases(phases?.capture ?? {}, seconds) : [{ name, seconds }];
  });
}

function capturePhases(phases: Readonly<Record<string, number>>, seconds: number): Segment[] {
  const own = Object.entries(phases)
    .filter(([name]) => name !== BEFORE_PID1)
    .map(([name, took]) => ({ name, seconds: took }));
  const other = seconds - own.reduce((sum, phase) => sum + phase.seconds, 0);
  return other > 0 ? [...own, { name: 'other', seconds: other }] : own;
}
