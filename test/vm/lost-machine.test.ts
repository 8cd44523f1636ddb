/** A machine that does not power off, and a user who interrupts the lab: no QEMU is left running. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT } from '../../build/paths.ts';
import type { Lab } from '../../qemu/lab/lab.ts';
import { labArch } from '../../qemu/machine/arch.ts';
import { HUNG_BOOT, LostMachine, type MachineSpec, runMachine } from '../../qemu/machine/machine.ts';
import { openTestLab } from './lab.ts';

let lab: Lab;
let directory: string;
beforeAll(async () => {
  lab = await openTestLab();
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-lost-'));
  writeFileSync(join(directory, 'no-initrd'), 'nothing that a kernel could unpack');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A kernel without a root file system, which waits for ever. */
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

test('past its deadline the machine is lost, and the error says how it was run', async () => {
  const error = await runMachine(endless(2), directory, () => {}, new AbortController().signal).catch(e => e);
  expect(error).toBeInstanceOf(LostMachine);
  expect(error.message).toMatch(/it did not power off in 2 s\. .*QEMU was: qemu-system-\S+ -machine/);
  expect(error.directory).toBe(directory);
  expect(qemusWith(directory)).toEqual([]);
});

test('a kernel that falls silent in its boot is ended long before the deadline', async () => {
  const spec = { ...endless(300), boots: { until: /^lab: /, silentSeconds: 15 } };
  const error = await runMachine(spec, directory, () => {}, new AbortController().signal).catch(e => e);
  expect(error).toMatchObject({ code: HUNG_BOOT });
  expect(error.message).toMatch(/printed nothing for 15 s after "\[ .+"/);
  expect(qemusWith(directory)).toEqual([]);
});

test('an abort ends the machine at once', async () => {
  const controller = new AbortController();
  const running = runMachine(endless(60), directory, () => controller.abort(), controller.signal);
  await expect(running).rejects.toThrow('it was interrupted');
  expect(qemusWith(directory)).toEqual([]);
});

test('Ctrl-C during npm start leaves nothing running and no latest run', async () => {
  await interrupted(['start', '--', '--console'], 1);
});

test('Ctrl-C during a matrix ends all of its machines', async () => {
  const matrix = join(directory, 'matrix.json');
  writeFileSync(matrix, JSON.stringify([{ trigger: 'init-exits' }, { trigger: 'oom' }]));
  await interrupted(['run', 'crash', '--', '--matrix', matrix, '--parallel', '2'], 2);
});

/** Interrupts the command as soon as so many of its machines run. */
async function interrupted(argv: readonly string[], machines: number): Promise<void> {
  const mine = join(PROJECT, 'lab-runs');
  const before = runsOf(mine);
  const child = spawn('npm', argv, { cwd: PROJECT, detached: true, stdio: 'ignore' });
  const exited = new Promise<number | null>(resolve => child.on('exit', resolve));
  let ended = false;
  exited.then(() => {
    ended = true;
  });
  while (!ended && runsOf(mine).length < before.length + machines) await setTimeout(100);
  const runs = runsOf(mine).filter(run => !before.includes(run));
  expect(runs).toHaveLength(machines);
  // A terminal sends it to the whole process group.
  process.kill(-child.pid!, 'SIGINT');
  expect(await exited).not.toBe(0);
  const latest = join(mine, 'latest');
  for (const run of runs) {
    expect(qemusWith(run)).toEqual([]);
    expect(JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'))).toMatchObject({
      verdict: 'interrupted',
    });
    if (existsSync(latest)) expect(realpathSync(latest)).not.toBe(run);
  }
}

/** The directories of the runs whose machines have begun to print. */
function runsOf(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .map(name => join(directory, name))
    .filter(path => statSync(join(path, 'serial.log'), { throwIfNoEntry: false })?.size);
}

/** Command lines of running QEMUs that contain `text`. */
function qemusWith(text: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it ended meanwhile
      }
    })
    .filter(line => line.startsWith('qemu-system') && line.includes(text));
}
