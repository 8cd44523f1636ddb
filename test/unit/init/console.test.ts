import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drainConsole, openConsole, unsentBytes } from '../../../capture/init/console.ts';
import { Pacer } from '../../../capture/init/pacer.ts';

describe('no faster than a serial line drains', () => {
  test.each([80, 1000, 5000])('lines of %i bytes', lineBytes => {
    const pacer = new Pacer(10_000, 2048, 0);
    let now = 0;
    const sent: [number, number][] = [];
    for (let i = 0; i < 100; i++) {
      now += pacer.take(lineBytes, now);
      sent.push([now, lineBytes]);
    }
    // Between any two lines: at most the burst, what the rate gives in that time, and the line itself.
    for (const [i, [from]] of sent.entries()) {
      let bytes = 0;
      for (const [at, length] of sent.slice(i)) {
        bytes += length;
        expect(bytes).toBeLessThanOrEqual(2048 + lineBytes + 10_000 * (at - from) + 1e-3);
      }
    }
    expect(now).toBeLessThan((100 * lineBytes) / 10_000);
  });

  test('a line now and then does not wait, and earns no more than the burst', () => {
    const pacer = new Pacer(10_000, 2048, 0);
    expect(pacer.take(100, 0)).toBe(0);
    expect(pacer.take(100, 1000)).toBe(0);
    expect(pacer.take(2048, 1000)).toBeCloseTo(0.01);
  });
});

/** A full FIFO blocks its writer as a stopped terminal does. */
describe('a console that takes nothing', () => {
  let directory: string;
  let fd: number;
  let now = 0;
  const clock = {
    seconds: () => now,
    sleep(seconds: number) {
      now += seconds;
    },
  };
  beforeEach(() => {
    now = 0;
    directory = mkdtempSync(join(tmpdir(), 'kdumpling-console-'));
    const path = join(directory, 'fifo');
    execFileSync('mkfifo', [path]);
    fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  });
  afterEach(() => {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  });
  function drain(): string {
    const bytes = Buffer.alloc(1 << 20);
    return bytes.toString('utf8', 0, readSync(fd, bytes));
  }

  test('is waited for once, for two seconds; then lines are dropped at once, and counted', () => {
    const write = openConsole(fd, clock);
    const line = `${'x'.repeat(99)}\n`;
    let before = now;
    for (let i = 0; i < 100_000 && now - before < 2; i++) {
      before = now;
      write(line);
    }
    expect(now - before).toBeGreaterThanOrEqual(2);
    before = now;
    for (let i = 0; i < 1000; i++) write(line);
    expect(now).toBe(before);
    drain();
    write('back again\n');
    expect(drain()).toBe('\nkdumpling: console: it was stopped; 1001 lines are missing here\nback again\n');
  });
});

describe('before the final action', () => {
  const waited = (answers: readonly (number | undefined)[]): number => {
    let now = 0;
    let asked = 0;
    const unsent = () => answers[Math.min(asked++, answers.length - 1)];
    drainConsole(unsent, {
      seconds: () => now,
      sleep(seconds) {
        now += seconds;
      },
    });
    return now;
  };

  test.each([
    ['nothing is waited for when everything is sent', [0], 0],
    ['the rest is waited for, until it is sent', [300, 200, 0], 0.1],
    ['a stopped terminal is not waited for without limit', [300], 2],
    ['where the driver cannot be asked, a moment', [undefined], 0.5],
  ])('%s', (_, answers, seconds) => expect(waited(answers)).toBeCloseTo(seconds, 1));

  test('without the FFI the driver cannot be asked', () => expect(unsentBytes(1, undefined)).toBeUndefined());
});
