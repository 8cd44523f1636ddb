/** A machine that does not end by itself, and a user who does not wait: no QEMU is left behind. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT } from '../../build/paths.ts';
import type { Lab } from '../../qemu/lab/lab.ts';
import { labArch } from '../../qemu/machine/arch.ts';
import { LostMachine, type MachineSpec, runMachine } from '../../qemu/machine/machine.ts';
import { openTestLab } from './lab.ts';

let lab: Lab;
let directory: string;
beforeAll(async () => {
  lab = await openTestLab();
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-lost-'));
  writeFileSync(join(directory, 'no-initrd'), 'nothing that a kernel could unpack');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A kernel without a root waits for ever. */
function endless(deadlineSeconds: number): MachineSpec {
  return {
    accel: lab.accel,
    memoryMib: 256,
    cpus: 1,
    boot: {
      vmlinuz: lab.kernel.vmlinuz,
      initrd: join(directory, 'no-initrd'),
      commandLine: `console=${labArch().console} panic=0 mark=${directory}`,
    },
    disk: '/dev/null',
    deadlineSeconds,
  };
}

test('past its deadline it is lost, which is not a failed test, and says how it was run', async () => {
  const error = await runMachine(endless(2), directory, () => {}, new AbortController().signal).catch(e => e);
  expect(error).toBeInstanceOf(LostMachine);
  expect(error.message).toMatch(/it did not power off in 2 s; QEMU was: qemu-system-\S+ -machine/);
  expect(error.directory).toBe(directory);
  expect(qemusWith(directory)).toEqual([]);
});

test('an abort ends it at once', async () => {
  const controller = new AbortController();
  const running = runMachine(endless(60), directory, () => controller.abort(), controller.signal);
  await expect(running).rejects.toThrow('it was interrupted');
  expect(qemusWith(directory)).toEqual([]);
});

test('Ctrl-C in the middle of npm start leaves nothing running', async () => {
  const child = spawn('npm', ['start', '--', '--console'], { cwd: PROJECT, detached: true });
  let output = '';
  const armed = new Promise<void>(resolve => {
    child.stdout.on('data', chunk => {
      output += chunk;
      if (output.includes('Linux version')) resolve();
    });
  });
  const exited = new Promise<number | null>(resolve => child.on('exit', resolve));
  await Promise.race([armed, exited]);
  const mine = join(PROJECT, 'lab-runs');
  const run = new RegExp(`file=(${mine}/[^/]+)`).exec(qemusWith(mine).join('\n'))?.[1];
  expect(run).toBeDefined();
  // As a terminal does it: to the whole group.
  process.kill(-child.pid!, 'SIGINT');
  expect(await exited).not.toBe(0);
  expect(qemusWith(run!)).toEqual([]);
});

/** Command lines of running QEMUs that name `text`. */
function qemusWith(text: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it ended while we looked
      }
    })
    .filter(line => line.startsWith('qemu-system') && line.includes(text));
}
