/** Logs of many megabytes, as damaged files have: no report takes longer than its length. Each of these took minutes, or hours. */
import { expect, test } from 'vitest';
import { reportOf } from '../../../../scripts/lib/report/crash-report.ts';
import { logLines } from '../../../../scripts/lib/report/log-lines.ts';
import { DUMP } from '../../../support/found-dump.ts';

const LOG_BYTES = 8 << 20;

const fill = (unit: string): string => unit.repeat(Math.ceil(LOG_BYTES / unit.length));
const crashOf = (log: string) => reportOf(DUMP, log, 'h');

test.each([
  [
    'reports of hung tasks',
    `${fill('[   99.0] INFO: task a:1 blocked for more than 120 seconds.\n')}[   99.0] Kernel panic - not syncing: hung_task: blocked tasks\n`,
    'hung-task',
  ],
  [
    'tasks in one line',
    `BUG: KASAN: x\n${fill('by task a ')}\nKernel panic - not syncing: KASAN: x\n`,
    'kasan',
  ],
  [
    'CPUs in one line',
    `WARNING: x${fill(', CPU#1: a ')}\nKernel panic - not syncing: panic_on_warn set\n`,
    'warning',
  ],
  ['one name without an end', `Kernel panic - not syncing: ${fill('a.')}\n`, 'panic'],
  ['empty lines', fill('\n'), 'unknown'],
])('%s', (_, log, name) => {
  expect(crashOf(log).crash.class).toBe(name);
});

test('of more reports than anyone reads, the first and the last are kept', () => {
  const many = Array.from({ length: 5000 }, (_, i) => `[ ${i}.0] WARNING: number ${i}`);
  const { others } = crashOf([...many, '[ 5000.0] Kernel panic - not syncing: x'].join('\n'));
  expect(others.length).toBeGreaterThan(100);
  expect(others.length).toBeLessThanOrEqual(2000);
  expect(others[0]!.reason).toBe('WARNING: number 0');
  expect(others.at(-1)!.seconds).toBeGreaterThan(4900);
});

test('a line as long as the kernel makes one is whole', () => {
  const modules = `Modules linked in: ${'module '.repeat(140)}`.trimEnd();
  expect(logLines(`[    1.0] ${modules}`)[0]!.text).toBe(modules);
});
