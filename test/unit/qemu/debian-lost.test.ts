/** Machines of `npm run machine` that are lost: one crash of many is, and the others count. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Failure } from '../../../capture/errors.ts';
import type { Agent } from '../../../qemu/debian/agent.ts';
import type { Capture } from '../../../qemu/debian/capture.ts';
import { crash } from '../../../qemu/debian/crash.ts';
import { type Guest, runDebian } from '../../../qemu/debian/machine.ts';
import { canGoOn, isSound, newResult, takeStep } from '../../../qemu/debian/results.ts';
import type { Step } from '../../../qemu/debian/steps.ts';
import { describeCaptures } from '../../../qemu/debian/table.ts';
import { labArch } from '../../../qemu/machine/arch.ts';
import { LostMachine } from '../../../qemu/machine/machine.ts';

const directory = mkdtempSync(join(tmpdir(), 'kdumpling-lost-'));
afterAll(() => rmSync(directory, { recursive: true }));

const { signal } = new AbortController();

describe('a QEMU that ends before the story does', () => {
  /** @param script of a shell, in QEMU's place */
  const run = (script: string) => {
    const qemuCommand = join(directory, 'qemu');
    writeFileSync(qemuCommand, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const machine = { accel: 'tcg', cpus: 1, disk: '/dev/null', directory, deadlineSeconds: 60 } as const;
    return runDebian({ ...machine, arch: { ...labArch('x64'), qemuCommand }, signal }, async () => {});
  };

  test.each([
    ['was asked to by a signal', 'echo "terminating on signal 15" >&2', /terminating on signal 15/],
    ['powered off', 'exit 0', /it powered off/],
    ['was killed', 'kill -KILL $$', /QEMU ended with SIGKILL/],
    ['failed', 'echo "no such disk" >&2; exit 1', /QEMU ended with 1 no such disk/],
  ])('and %s is a lost machine', async (_, script, why) => {
    const lost = await run(script).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(LostMachine);
    expect((lost as Error).message).toMatch(why);
    expect(lost).toMatchObject({ directory });
  });
});

test('nobody waits for the login prompt of a machine that has ended', async () => {
  const agent = { must: async () => '1', send: () => {}, untilBoot: async () => {} } as unknown as Agent;
  const guest = {
    arch: labArch('x64'),
    agent,
    lines: [],
    signal: AbortSignal.abort(),
    reset: async () => {},
  };
  await expect(crash(guest, 60)).rejects.toThrow('aborted');
});

const CAPTURE: Capture = {
  kernel: '6.1.0-1-cloud-amd64',
  times: { captureKernel: 1, reboot: 21 },
  segments: [],
  dumpBytes: 16e6,
  initrdBytes: 44e6,
  crashkernelMib: 192,
  hostLoad: 2,
};
const LOST = new LostMachine('ENDED_EARLY', { action: 'run the machine', actual: 'QEMU ended' }, directory);

describe('a step', () => {
  const printed: string[] = [];
  beforeEach(() => {
    printed.length = 0;
    writeFileSync(join(directory, 'serial.log'), 'first\nlast\n');
    vi.spyOn(console, 'log').mockImplementation(line => void printed.push(String(line)));
  });

  const onMachine = (story: (guest: Guest) => Promise<void>) => story(undefined as unknown as Guest);
  const stepThat = (isRepeated: boolean, run: Step['run']): Step => ({
    name: 'kdumpling',
    part: 'crash-1',
    purpose: 'crash 1 of 2',
    isRepeated,
    run,
  });
  const lose = async () => {
    throw LOST;
  };
  const captures: Step['run'] = async (_, teller) => {
    teller.check('it captured', true, '16 MB');
    teller.capture(CAPTURE);
  };

  test('whose machine was lost is lost alone, where others are like it', async () => {
    const result = newResult('kdumpling');
    await takeStep(stepThat(true, lose), result, onMachine, signal);
    expect(result).toMatchObject({ checks: [], captures: [], losses: [{ part: 'crash-1' }] });
    expect(printed.join('\n')).toMatch(/^kdumpling: crash 1 of 2\nLOST: Cannot run the machine/);
    expect(printed.join('\n')).toMatch(/last$/);
    expect(canGoOn(result)).toBe(true);
    expect(isSound(result)).toBe(false);
    await takeStep(stepThat(true, captures), result, onMachine, signal);
    expect(isSound(result)).toBe(true);
    expect(describeCaptures([result])).toContain('kdumpling: 1 machine LOST, and the table has 1 crash');
  });

  test('that the others build on is not', async () => {
    const result = newResult('kdumpling');
    await takeStep(stepThat(false, captures), result, onMachine, signal);
    expect(isSound(result)).toBe(true);
    await takeStep(stepThat(false, lose), result, onMachine, signal);
    expect(canGoOn(result)).toBe(false);
    expect(isSound(result)).toBe(false);
  });

  test('that fails is no lost machine', async () => {
    const result = newResult('kdumpling');
    const fail = async () => {
      throw new Failure('NO_LOGIN', { action: 'see the guest come home', actual: 'no login prompt' });
    };
    await takeStep(stepThat(true, fail), result, onMachine, signal);
    expect(result.losses).toEqual([]);
    expect(result.checks).toMatchObject([{ what: 'it comes to its end', holds: false }]);
    expect(canGoOn(result)).toBe(false);
  });

  test('that is interrupted, and a bug, end the run', async () => {
    const step = stepThat(true, lose);
    const interrupted = takeStep(step, newResult('kdumpling'), onMachine, AbortSignal.abort());
    await expect(interrupted).rejects.toBe(LOST);
    const bug = stepThat(true, async () => {
      throw new TypeError('bug');
    });
    await expect(takeStep(bug, newResult('kdumpling'), onMachine, signal)).rejects.toThrow('bug');
  });
});

test('a program of which all machines were lost is named without a table', () => {
  expect(describeCaptures([{ name: 'kdump-tools', captures: [], losses: [1, 2] }])).toContain(
    '  kdump-tools: 2 machines LOST, and the table has 0 crashes',
  );
});
