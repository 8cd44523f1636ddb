/** Where the time between the panic and the machine's return goes, in order, for bars. */

export interface Segment {
  readonly name: string;
  readonly seconds: number;
}

/** What summary.json holds of a run's times. */
export interface RunPhases {
  /** Stations of milestones.ts, in seconds since QEMU's start. */
  readonly lab?: Readonly<Record<string, number>>;
  /** Seconds that each phase of the capture took. */
  readonly capture?: Readonly<Record<string, number>>;
}

/** Stations of milestones.ts, and what comes before each. */
const STEPS = [
  { name: 'kexec', from: 'panic', to: 'capture kernel' },
  { name: 'boot', from: 'capture kernel', to: 'PID 1' },
  { name: 'capture', from: 'PID 1', to: 'capture ended' },
  { name: 'reboot', from: 'capture ended', to: 'rebooted' },
  { name: 'first kernel', from: 'rebooted', to: 'came home' },
] as const;

/** The capture's phase before its first line, which the lab measures itself. */
const BEFORE_PID1 = 'boot';

/** The capture's own phases stand in the place of `capture`. */
export function segmentsOf(phases: RunPhases = {}): Segment[] {
  const at = phases.lab ?? {};
  return STEPS.flatMap(({ name, from, to }) => {
    if (at[from] === undefined || at[to] === undefined) return [];
    const seconds = at[to] - at[from];
    return name === 'capture' ? capturePhases(phases.capture ?? {}, seconds) : [{ name, seconds }];
  });
}

/**
 * The capture's phases, with what is left of its time as `other`.
 * @param phases seconds by phase, as in manifest.json.
 * @param seconds from its first line on the console to its last.
 */
export function capturePhases(phases: Readonly<Record<string, number>>, seconds: number): Segment[] {
  const own = Object.entries(phases)
    .filter(([name]) => name !== BEFORE_PID1)
    .map(([name, took]) => ({ name, seconds: took }));
  const other = seconds - own.reduce((sum, phase) => sum + phase.seconds, 0);
  return other > 0 ? [...own, { name: 'other', seconds: other }] : own;
}
