/** Who waited for whom, in a report: as text and as facts, from the memory where the log does not have it. */
import { expect, test } from 'vitest';
import type { Autopsy, Wait } from '../../../../capture/autopsy/summary/autopsy.ts';
import {
  blockedLines,
  blockedTasks,
  deadlockText,
  withHolders,
} from '../../../../scripts/lib/report/blocked.ts';
import { reportOf } from '../../../../scripts/lib/report/crash-report.ts';
import { htmlPage } from '../../../../scripts/lib/report/page/page.ts';
import { reportPage } from '../../../../scripts/lib/report/text.ts';
import { DUMP } from '../../../support/found-dump.ts';
import { AUTOPSY } from './page/sample.ts';

const task = (pid: number) => ({ pid, comm: `t${pid}` });
function wait(pid: number, owner?: number): Wait {
  return {
    task: task(pid),
    state: 'D',
    ...(owner !== undefined && { kind: 'mutex', lock: `lock_${owner}`, owner: task(owner) }),
    in: 'mine_lock',
  };
}
const reportWith = (log: string, waits: Autopsy['waits']) =>
  reportOf(DUMP, log, 'web7', { ...AUTOPSY, crash: { missing: 'no stack' }, waits });

test('those that say most come first, and a thousand do not fill the report', () => {
  const others = Array.from({ length: 1000 }, (_, i) => wait(100 + i));
  const read = { ...wait(10), kind: 'rwsem', lock: 'mine' };
  const waits = [...others, read, wait(9, 7), wait(7, 8), wait(8, 7)];
  const blocked = blockedTasks({ waits })!;
  expect(blocked.count).toBe(1004);
  expect(blocked.deadlocked).toEqual([task(7), task(8)]);
  expect(blocked.waits.slice(0, 5)).toEqual([wait(7, 8), wait(8, 7), wait(9, 7), read, wait(100)]);
  const lines = blockedLines(blocked);
  expect(lines).toHaveLength(17);
  expect(lines[0]).toBe('t7 (pid 7) waits for mutex lock_8, held by t8 (pid 8), in mine_lock');
  expect(lines.at(-1)).toBe('and 988 more');
  expect(deadlockText(blocked)).toBe('2 tasks can never run: t7 (pid 7), t8 (pid 8)');
});

test('where none is blocked, or the memory does not say it, the report has no such part', () => {
  for (const waits of [[], { missing: 'no task can be read' }]) {
    const report = reportWith('', waits);
    expect(report.crash).not.toHaveProperty('blocked');
    expect(reportPage(report)).not.toMatch(/^(blocked|deadlock)/m);
  }
});

test('the page for a terminal names them', () => {
  const page = reportPage(reportWith('', [wait(7, 8), wait(8, 7), wait(9, 7)]));
  expect(page).toMatch(/^deadlock {4}2 tasks can never run: t7 \(pid 7\), t8 \(pid 8\)$/m);
  expect(page).toMatch(
    /^blocked {5}t9 \(pid 9\) waits for mutex lock_7, held by t7 \(pid 7\), in mine_lock$/m,
  );
});

test('a hung task has its holder from the memory where the log does not say it', () => {
  expect(
    withHolders([task(9), { ...task(8), waitsFor: task(3) }], { waits: [wait(9, 7), wait(8, 7)] }),
  ).toEqual([
    { ...task(9), waitsFor: task(7) },
    { ...task(8), waitsFor: task(3) },
  ]);
  const log =
    'INFO: task t9:9 blocked for more than 120 seconds.\nKernel panic - not syncing: hung_task: blocked tasks\n';
  const report = reportWith(log, [wait(9, 7)]);
  expect(report.crash.hungTasks).toEqual([{ ...task(9), waitsFor: task(7) }]);
  expect(reportPage(report)).toMatch(/^hung {8}t9 \(pid 9\) waits for t7 \(pid 7\)$/m);
});

test('the web page ends what the kernel said with one full stop, and speaks of a task above only where there is one', () => {
  const autopsy = { ...AUTOPSY, waits: [wait(9)] };
  const log =
    'INFO: task t9:9 blocked for more than 120 seconds.\nKernel panic - not syncing: hung_task: blocked tasks\n';
  const page = htmlPage(reportOf(DUMP, log, 'web7', autopsy), autopsy);
  expect(page).toContain('blocked for more than 120 seconds</code>.');
  expect(page).not.toContain('the one above it');
  expect(
    htmlPage(reportWith(log, [wait(7, 8), wait(8, 7)]), { ...AUTOPSY, waits: [wait(7, 8), wait(8, 7)] }),
  ).toContain('Each task waits for the one above it.');
});
