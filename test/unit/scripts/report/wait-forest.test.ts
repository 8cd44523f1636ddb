/** Who waits for whom, as trees and circles. */
import { expect, test } from 'vitest';
import type { Wait } from '../../../../capture/autopsy/summary/autopsy.ts';
import { waitRows } from '../../../../scripts/lib/report/wait-forest.ts';

const task = (pid: number) => ({ pid, comm: `t${pid}` });
/** `1>2`: task 1 waits for task 2; `1`: for nobody that is known. */
const waits = (...texts: string[]): Wait[] =>
  texts.map(text => {
    const [pid, owner] = text.split('>').map(Number) as [number, number?];
    return { task: task(pid), state: 'D', ...(owner !== undefined && { owner: task(owner) }) };
  });
const shape = (...texts: string[]) =>
  waitRows(waits(...texts)).map(
    ({ task: { pid }, depth, isStuck, loop }) =>
      `${'.'.repeat(depth)}${pid}${isStuck ? '!' : ''}${loop ? `->${loop.pid}` : ''}`,
  );

test.each([
  ['nobody', [], []],
  ['a holder and its waiters', ['2>1', '3>1'], ['1', '.2', '.3']],
  ['a chain', ['3>2', '2>1'], ['1', '.2', '..3']],
  ['two holders, the larger tree first', ['2>1', '11>10', '12>10'], ['10', '.11', '.12', '1', '.2']],
  ['a circle, and one that waits for it', ['1>2', '2>1', '3>2'], ['1!->2', '.2!', '..3']],
  ['a circle of three', ['5>6', '6>7', '7>5'], ['5!->6', '.7!', '..6!']],
  ['itself', ['4>4'], ['4!->4']],
  ['a holder that is blocked by something unknown', ['2>1', '1'], ['1', '.2']],
  ['waits without a holder', ['1', '2'], []],
  [
    'a circle comes before larger trees',
    ['1>2', '2>1', '11>10', '12>10', '13>10'],
    ['1!->2', '.2!', '10', '.11', '.12', '.13'],
  ],
])('%s', (_, texts, rows) => expect(shape(...texts)).toEqual(rows));

test('a long chain, and the row above each', () => {
  const rows = waitRows(waits(...Array.from({ length: 50_000 }, (_, i) => `${i + 2}>${i + 1}`)));
  expect(rows).toHaveLength(50_001);
  expect(rows.every(({ above }, i) => above === (i === 0 ? undefined : i - 1))).toBe(true);
});
