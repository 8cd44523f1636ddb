/** Tasks with equal stacks are one group. */
import { expect, test } from 'vitest';
import { foldStacks, type TaskStack } from '../../../../capture/autopsy/summary/fold.ts';

const on = (pid: number, state: string, ...addresses: string[]): TaskStack => ({
  task: { pid, comm: `t${pid}` },
  state,
  stack: addresses.map(address => ({ address })),
});
const shape = (tasks: readonly TaskStack[], most = 10) =>
  foldStacks(tasks, most).map(({ count, states, tasks: named }) => [
    count,
    states,
    named.map(({ pid }) => pid),
  ]);

test('groups by address, whatever the task; blocked ones first, then the larger ones', () => {
  const tasks = [
    on(1, 'S', '0x1', '0x2'),
    on(2, 'I', '0x1', '0x2'),
    on(3, 'S', '0x3'),
    on(4, 'D', '0x4'),
    on(5, 'S', '0x1', '0x2'),
  ];
  expect(shape(tasks)).toEqual([
    [1, { D: 1 }, [4]],
    [3, { S: 2, I: 1 }, [1, 2, 5]],
    [1, { S: 1 }, [3]],
  ]);
});

test('a stack that ends early, or of which a frame is doubtful, is another one', () => {
  const whole = on(1, 'S', '0x1');
  const cut = { ...on(2, 'S', '0x1'), incomplete: 'a page is not in the dump' };
  const guessed = { ...on(3, 'S'), stack: [{ address: '0x1', doubtful: true as const }] };
  expect(shape([whole, cut, guessed])).toHaveLength(3);
  expect(foldStacks([cut], 1)[0]).toMatchObject({ incomplete: 'a page is not in the dump' });
});

test('names as many tasks as are wanted, and counts all', () => {
  const tasks = Array.from({ length: 1000 }, (_, pid) => on(pid, 'S', '0x1'));
  expect(shape(tasks, 3)).toEqual([[1000, { S: 1000 }, [0, 1, 2]]]);
});

test('none', () => expect(foldStacks([], 3)).toEqual([]));
