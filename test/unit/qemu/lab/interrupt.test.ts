/** Ctrl-C during several crashes: machines that stand in for QEMU, with real processes, run directories and a journal. */
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CRASH_OPTIONS, planCell } from '../../../../qemu/lab/cell.ts';
import type { crashWith, Verdict } from '../../../../qemu/lab/crash.ts';
import { hasPassed, openJournal } from '../../../../qemu/lab/journal.ts';
import type { Lab } from '../../../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE, defaultsOf } from '../../../../qemu/lab/options.ts';
import { type CellResult, runCells } from '../../../../qemu/lab/suite.ts';
import { labArch } from '../../../../qemu/machine/arch.ts';
import { runMachine } from '../../../../qemu/machine/machine.ts';
import { inRunDirectory } from '../../../../qemu/run/directory.ts';

/** A machine with 300 MiB ends at once; others run until they are killed. The first process writes its number. */
const STUB = `#!/bin/sh
echo "booted $$"
case "$*" in *"-m 300"*) exit 0 ;; esac
exec sleep 600
`;

let folder: string;
let runs: string;
let pids: number[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-interrupt-'));
  runs = join(folder, 'runs');
  pids = [];
  const stub = join(folder, labArch().qemuCommand);
  writeFileSync(stub, STUB);
  chmodSync(stub, 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const LAB = {
  kernel: { label: '6.1-cloud', release: '6.1.0-cloud-amd64' },
  choice: DEFAULT_MACHINE,
} as unknown as Lab;

/** In the place of a real crash: the machine with its directory, and nothing to judge. */
const crash: typeof crashWith = ({ choice: { memoryMib } }, _, { signal, onConsoleLine }) =>
  inRunDirectory(
    { name: `crash-${memoryMib}`, facts: { memoryMib } },
    signal,
    async directory => {
      const spec = { accel: 'tcg', memoryMib, cpus: 1, deadlineSeconds: 60 } as const;
      await runMachine(spec, directory, ({ text }) => onConsoleLine?.(text), signal);
      return { verdict: 'passed', checks: [], run: { directory } } as unknown as Verdict;
    },
    runs,
  );

const CELLS = ['300', '301', '302', '303'].map(memory => planCell({ memory }, defaultsOf(CRASH_OPTIONS)));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function interruptedSuite(): Promise<CellResult[]> {
  const controller = new AbortController();
  const journal = openJournal(join(runs, 'matrix.json'), 'abc');
  const ended: CellResult[] = [];
  const suite = runCells(
    LAB,
    CELLS,
    2,
    {
      signal: controller.signal,
      onConsoleLine(text) {
        pids.push(Number(/^booted (\d+)/.exec(text)![1]));
        // The first has ended by then: its worker has gone on to the third.
        if (pids.length === 3) controller.abort();
      },
      onResult(result) {
        ended.push(result);
        journal.add(result);
      },
    },
    crash,
  );
  await expect(suite).rejects.toThrow('it was interrupted');
  return ended;
}

test('no machine is left, no other is started, and what had ended is kept', async () => {
  const ended = await interruptedSuite();
  expect(pids).toHaveLength(3);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(ended.map(({ title, verdict }) => `${title}: ${verdict}`)).toEqual(['6.1-cloud memory=300: passed']);
});

test('the interrupted runs say so, and the one that ended stays the latest', async () => {
  await interruptedSuite();
  const names = readdirSync(runs).filter(name => name.includes('-crash-') && !name.endsWith('latest'));
  const verdicts = names.map(name => {
    const path = join(runs, name, 'summary.json');
    return /-300$/.test(name) ? 'ended' : JSON.parse(readFileSync(path, 'utf8')).verdict;
  });
  expect(verdicts.sort()).toEqual(['ended', 'interrupted', 'interrupted']);
  expect(readlinkSync(join(runs, 'latest'))).toMatch(/-crash-300$/);
});

test('a run that resumes leaves out what had ended, and makes the others', async () => {
  await interruptedSuite();
  const journal = openJournal(join(runs, 'matrix.json'), 'abc');
  const left = CELLS.filter(({ title }) => !hasPassed(journal, title));
  expect(left.map(({ title }) => title)).toEqual([
    '6.1-cloud memory=301',
    '6.1-cloud memory=302',
    '6.1-cloud memory=303',
  ]);
});
