import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lineWriter, openHeartbeat } from '../../../capture/init/heartbeat.ts';

const PATIENCE = { stallSeconds: 300, endSeconds: 3660, sysrqKey: 'b' } as const;

test('every beat changes the counter, and so do a phase and another patience', () => {
  const lines: string[] = [];
  const heartbeat = openHeartbeat(line => lines.push(line.trimEnd()), PATIENCE);
  heartbeat.beat();
  heartbeat.enter('dump');
  heartbeat.wait({ stallSeconds: 0, endSeconds: 0, sysrqKey: 'o' });
  expect(lines).toEqual(['1 300 3660 b 0 start', '2 300 3660 b 0 dump', '3 0 0 o 0 dump']);
});

test('a line on the console is counted, and is no progress', () => {
  const lines: string[] = [];
  const heartbeat = openHeartbeat(line => lines.push(line.trimEnd()), PATIENCE);
  heartbeat.shown();
  heartbeat.beat();
  heartbeat.shown();
  expect(lines).toEqual(['0 300 3660 b 1 start', '1 300 3660 b 1 start', '1 300 3660 b 2 start']);
});

test.each([
  [300, 600, 630],
  [900, 600, 900],
  [0, 600, 0],
])(
  'with %i s of patience, work that may take %i s gets %i s, and the patience is restored',
  (stallSeconds, seconds, during) => {
    const lines: string[] = [];
    const heartbeat = openHeartbeat(line => lines.push(line), { ...PATIENCE, stallSeconds });
    const stall = () => Number(lines.at(-1)!.split(' ')[1]);
    expect(() =>
      heartbeat.during(seconds, () => {
        expect(stall()).toBe(during);
        throw new Error('it failed');
      }),
    ).toThrow('it failed');
    expect(stall()).toBe(stallSeconds);
  },
);

test('a file that cannot be written is ignored', () => {
  const heartbeat = openHeartbeat(() => {
    throw new Error('ENOSPC');
  }, PATIENCE);
  expect(() => heartbeat.beat()).not.toThrow();
  expect(() => lineWriter('/nonexistent/progress')('x')).not.toThrow();
});

test('a shorter line replaces all of a longer one', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kdumpling-heartbeat-'));
  try {
    const path = join(directory, 'progress');
    writeFileSync(path, '0 300 3660 b 0 start\n');
    const heartbeat = openHeartbeat(lineWriter(path), PATIENCE);
    heartbeat.enter('a-phase-with-a-long-name');
    heartbeat.enter('dump');
    expect(readFileSync(path, 'utf8').trimEnd()).toBe('2 300 3660 b 0 dump');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
