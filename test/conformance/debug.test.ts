/**
 * `kdumpling debug` with the real ones: crash and drgn on our dump of a real vmcore, with debug symbols that Debian's
 * debuginfod serves. What it says of servers that fail, and where it looks before, is in test/unit/scripts/debug.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchTool, type Tool } from '../../build/fetch/tools.ts';
import { PROJECT } from '../../build/paths.ts';
import { openVmcore } from '../../capture/vmcore/open.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { Vmcoreinfo } from '../../capture/vmcore/vmcoreinfo.ts';
import { type Outcome, runBounded } from '../../qemu/judges/bounded-run.ts';
import { dumpedKernel } from '../../scripts/lib/debug/dumped-kernel.ts';
import { type Debuginfod, startDebuginfod } from '../support/debuginfod.ts';
import {
  type Bench,
  OURS,
  openBench,
  vmcoreinfoOf,
  vmcoreOf,
  wantedForeignKernels,
  wantedKernels,
} from './vmcores.ts';

/** crash 9 reads it; see readers.test.ts. */
const KERNEL = '6.1-cloud';
const SECONDS = 300;

let bench: Bench;
let debuginfod: Debuginfod;
let dir: string;
let dump: string;
let buildId: string;
beforeAll(async () => {
  bench = await openBench();
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-debug-conformance-'));
  mkdirSync(join(dir, 'bin'));
  installed(await fetchTool(bench.cache, 'crash'), []);
  installed(bench.drgn, [join(bench.drgn.root, 'usr/bin/drgn')]);
  const vmcore = vmcoreOf(KERNEL);
  buildId = vmcoreinfoOf(vmcore).buildId!;
  dump = join(dir, 'vmcore');
  await runBounded([...OURS.argv, '-z', '-d', '31', vmcore.vmcore, dump], { timeoutSeconds: 120 });
  debuginfod = await startDebuginfod([vmcore.vmlinux], buildId);
});
afterAll(async () => {
  await debuginfod.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A tool of the cache under its own name, as a distribution installs it. */
function installed({ name, argv, env }: Tool, script: readonly string[]): void {
  const assignments = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const path = join(dir, 'bin', name);
  writeFileSync(path, `#!/bin/sh\nexec env ${[...assignments, ...argv, ...script].join(' ')} "$@"\n`);
  chmodSync(path, 0o755);
}

function debug(urls: string, file: string, ...args: string[]): Promise<Outcome> {
  const kdumpling = [process.execPath, join(PROJECT, 'scripts/kdumpling.ts'), 'debug', file, ...args];
  return runBounded(kdumpling, {
    timeoutSeconds: SECONDS,
    env: {
      PATH: `${join(dir, 'bin')}:/usr/bin:/bin`,
      HOME: dir,
      DEBUGINFOD_URLS: urls,
      DEBUGINFOD_CACHE_PATH: join(dir, 'cache'),
    },
  });
}

const PYTHON = `
from drgn.helpers.linux.printk import get_dmesg
from drgn.helpers.linux.pid import for_each_task
print(get_dmesg().decode(errors="replace"))
print("TASKS", sum(1 for _ in for_each_task(prog)))
print(prog.crashed_thread().stack_trace())
`;

describe(`on ${KERNEL}`, () => {
  test('crash runs a batch to its end, with symbols that a debuginfod serves', {
    timeout: SECONDS * 1000,
  }, async () => {
    const commands = join(dir, 'commands');
    writeFileSync(commands, 'log\nps\nbt\n');
    const { stdout, stderr, exitCode } = await debug(debuginfod.url, dump, '--batch', commands);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`asking ${debuginfod.url}/ for build id ${buildId}`);
    expect(stdout).toMatch(/^\[ *\d+\.\d+\] Linux version 6\.1\./m);
    expect(stdout).toMatch(/Kernel panic - not syncing: sysrq triggered crash/);
    expect(stdout.match(/^[> ] +\d+ +\d+ +\d+ +[0-9a-f]{16} /gm)!.length).toBeGreaterThan(40);
    expect(stdout).toMatch(/#\d+ \[[0-9a-f]+\] sysrq_handle_crash at /);
    expect(stdout).toMatch(/write_sysrq_trigger at /);
    expect(stdout).not.toMatch(/crash>/);
  });

  test('what was downloaded is what elfutils finds without a server', () => {
    const folder = join(dir, 'cache', buildId);
    expect(readdirSync(folder)).toEqual(['debuginfo']);
    expect(readFileSync(join(folder, 'debuginfo')).equals(readFileSync(vmcoreOf(KERNEL).vmlinux))).toBe(true);
    const env = { DEBUGINFOD_URLS: 'http://127.0.0.1:1', DEBUGINFOD_CACHE_PATH: join(dir, 'cache') };
    expect(debuginfod.find(buildId, env)).toBe(join(folder, 'debuginfo'));
  });

  test('drgn runs a script, with the symbols that the cache has', { timeout: SECONDS * 1000 }, async () => {
    const script = join(dir, 'script.py');
    writeFileSync(script, PYTHON);
    const { stdout, stderr, exitCode } = await debug('', dump, '--drgn', '--batch', script);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/Kernel panic - not syncing: sysrq triggered crash/);
    expect(Number(/^TASKS (\d+)$/m.exec(stdout)![1])).toBeGreaterThan(40);
    expect(stdout).toMatch(/sysrq_handle_crash \(drivers\/tty\/sysrq\.c/);
  });

  test('a kernel that this debuginfod does not have: the package that has it', async () => {
    const { vmcore } = vmcoreOf('7.x-cloud');
    const { stderr, exitCode } = await debug(debuginfod.url, vmcore, '--drgn');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/it does not have it/);
    expect(stderr).toMatch(/apt install linux-image-7\S+-dbg/);
  });
});

test.each([...wantedKernels(), ...wantedForeignKernels()])(
  '%s: without BUILD-ID in vmcoreinfo, it is read from the notes in memory',
  kernel => {
    const source = openVmcoreFile(vmcoreOf(kernel).vmcore, undefined);
    try {
      const vmcore = openVmcore(source);
      const text = Buffer.from(vmcore.vmcoreinfoBytes).toString('latin1');
      const without = Vmcoreinfo.decode(Buffer.from(text.replace(/^BUILD-ID=.*\n/m, ''), 'latin1'));
      expect(without.buildId).toBeUndefined();
      expect(dumpedKernel({ ...vmcore, vmcoreinfo: without }).buildId).toBe(vmcore.vmcoreinfo.buildId);
    } finally {
      source.close();
    }
  },
);
