import { expect, test } from 'vitest';
import { type Cell, CRASH_OPTIONS, planCell } from '../../../../qemu/lab/cell.ts';
import { impossibleCrashes } from '../../../../qemu/lab/impossible.ts';
import type { JournalEntry } from '../../../../qemu/lab/journal.ts';
import { defaultsOf } from '../../../../qemu/lab/options.ts';
import { matrixResults } from '../../../../qemu/results/matrix-results.ts';

const plan = (cell: Cell) => planCell(cell, defaultsOf(CRASH_OPTIONS));
const entry = (title: string, commit: string, more: Partial<JournalEntry> = {}): JournalEntry => ({
  title,
  verdict: 'passed',
  release: '6.1.0-56-cloud-amd64',
  reasons: [],
  seconds: 40,
  at: '2026-11-28T20:00:00Z',
  commit,
  ...more,
});

const text = matrixResults({
  matrix: 'full',
  cells: [
    plan({}),
    plan({ trigger: 'null' }),
    plan({ trigger: 'null', kernel: '6.12' }),
    plan({ fault: 'lean' }),
    plan({ bus: 'nvme', cpus: '4' }),
    plan({ trigger: 'bug', kernel: '6.12', bus: 'nvme' }),
  ],
  entries: [
    entry('6.1-cloud sysrq-c', 'aaaaaaa'),
    entry('6.1-cloud null', 'aaaaaaa', { verdict: 'failed', reasons: ['one dump: none'] }),
    entry('6.12-cloud null', 'bbbbbbb', { release: '6.12.117' }),
    entry('6.1-cloud lean', 'bbbbbbb', { seconds: 60.4 }),
    entry('6.1-cloud of another matrix', 'ccccccc'),
  ],
  accel: 'tcg',
  qemu: 'QEMU emulator version 7.2',
  today: new Date('2026-11-28T21:00:00Z'),
  impossible: impossibleCrashes('amd64'),
});

test('the head says how many passed, what with, and at which commits', () => {
  expect(text).toContain('| crashes | 6: 3 passed, 1 failed, 0 lost, 2 not run |');
  expect(text).toContain('| written | 2026-11-28 |');
  expect(text).toContain('| kernels | 6.1.0-56-cloud-amd64, 6.12.117 |');
  expect(text).toContain('`aaaaaaa` (2), `bbbbbbb` (2) |');
});

test('what did not pass is named with the reason, and what was not run is named', () => {
  expect(text).toContain('- `6.1-cloud null`, failed: one dump: none');
  expect(text).toContain(
    '## What was not run\n\n- `6.1-cloud cpus=4 bus=nvme`\n- `6.12-cloud bug bus=nvme`\n',
  );
});

test('triggers stand in a table by kernel, also where something else is unusual about the crash', () => {
  expect(text).toContain('| trigger | 6.1-cloud | 6.12-cloud |');
  expect(text).toContain('| `sysrq-c` | passed |  |');
  expect(text).toContain('| `null` | failed | passed |');
  expect(text).toContain('| `bug` |  | not run |');
});

test('each crash stands in the list, with its verdict and its time', () => {
  expect(text).toContain('| 6.1-cloud | `lean` | passed | 60 |');
  expect(text).toContain('| 6.1-cloud | `cpus=4 bus=nvme` | not run |  |');
});

test('what cannot be made is named with the reason', () => {
  expect(text).toMatch(/- `hard-lockup`: the detector/);
  expect(text).toMatch(
    /- `poisoned on 5\.10-cloud, 6\.1-cloud`: Debian builds it without CONFIG_MEMORY_FAILURE/,
  );
});
