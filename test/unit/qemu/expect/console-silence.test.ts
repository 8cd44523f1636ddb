/** The silences of a capture, on a serial console that has the first kernel's lines before and after. */
import { expect, test } from 'vitest';
import type { Judges } from '../../../../qemu/expect/check.ts';
import { neverSilent } from '../../../../qemu/expect/console-silence.ts';
import type { CrashRun } from '../../../../qemu/run/run.ts';

const LINES = [
  '[    0.000000] Linux version 6.1.0',
  '[  500.000000] Kernel panic - not syncing: sysrq triggered crash',
  '[    0.000000] Linux version 6.1.0',
  '[    9.000000] kdumpling: start: PID 1',
  'a line without a time',
  '[   84.000000] kdumpling: space: taking a dump',
  '[   90.000000] kdumpling: end: saved',
  '[    0.000000] Linux version 6.1.0',
  '[  300.000000] random: crng init done',
];

async function saidOf(texts: readonly string[]) {
  const run = { lines: texts.map(text => ({ atSeconds: 0, text })) } as unknown as CrashRun;
  return (await neverSilent(run, {} as Judges))[0]!;
}

test('a line within the time', async () => {
  const { holds, saw } = await saidOf(LINES);
  expect(saw).toBe('at most 75 s, after "kdumpling: start: PID 1"');
  expect(holds).toBe(true);
});

test('a line that comes too late', async () => {
  const late = LINES.map(line => line.replace('[   90', '[  160'));
  expect(await saidOf(late)).toMatchObject({
    holds: false,
    saw: 'at most 76 s, after "kdumpling: space: taking a dump"',
  });
});

test('no capture at all', async () => expect(await saidOf(LINES.slice(0, 2))).toMatchObject({ holds: true }));
