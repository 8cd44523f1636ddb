/** The tasks of a crashed kernel, in its lists and outside of them. */
import { describe, expect, test } from 'vitest';
import { openAutopsy } from '../../../../capture/autopsy/open.ts';
import { psLines } from '../../../../capture/autopsy/tasks/ps-lines.ts';
import { stateWord } from '../../../../capture/autopsy/tasks/state.ts';
import { readTasks, type TaskList } from '../../../../capture/autopsy/tasks/tasks.ts';
import { openVmcore } from '../../../../capture/vmcore/open.ts';
import { type CrashedKernel, crashedKernel } from '../../../support/crashed-kernel.ts';
import { MemorySource } from '../../../support/vmcore-builder.ts';

function tasksOf(damage: (kernel: CrashedKernel) => void = () => {}): TaskList {
  const kernel = crashedKernel();
  damage(kernel);
  return readTasks(openAutopsy(openVmcore(new MemorySource(kernel.build()))));
}

const ALL = ['swapper/0', 'swapper/1', 'init', 'kthreadd', 'kworker/0:1', 'sh', 'sh-worker', 'gone'];
const names = ({ tasks }: TaskList) => tasks.map(({ comm }) => comm);

test('processes, threads, idle tasks; by PID', () => {
  const list = tasksOf();
  expect(names(list)).toEqual(ALL);
  expect(list.errors).toEqual([]);
  expect(list.totalPages).toBe(1000);
  expect(list.panicCpu).toBe(0);
  expect(list.panicTask?.pid).toBe(70);
  expect(list.tasks.map(({ isCurrent }) => isCurrent)).toEqual(
    ALL.map(name => ['sh', 'swapper/1'].includes(name)),
  );
  const worker = list.tasks.find(({ comm }) => comm === 'sh-worker')!;
  expect(worker).toMatchObject({
    pid: 71,
    tgid: 70,
    ppid: 1,
    state: 'UN',
    stateBits: 2,
    cpu: 1,
    isKernelThread: false,
  });
  expect(list.cpus.map(({ cpu, isOnline, runnable }) => [cpu, isOnline, runnable])).toEqual([
    [0, true, 1],
    [1, true, 0],
  ]);
});

test('memory: what CPUs have not yet added counts', () => {
  const { tasks } = tasksOf();
  expect(tasks.find(({ comm }) => comm === 'init')!.memory).toEqual({
    virtualBytes: 100 * 4096,
    residentBytes: 22 * 4096,
  });
  expect(tasks.find(({ comm }) => comm === 'kthreadd')!.memory).toBeUndefined();
});

describe('a broken list', () => {
  test('of processes: the table of PIDs has the others', () => {
    const list = tasksOf(({ at, member, u64 }) => u64(member(at['task 2']!, 'task_struct.tasks'), 0x10n));
    expect(names(list)).toEqual(ALL);
    expect(list.errors).toHaveLength(1);
  });

  test('of threads: the same', () => {
    const list = tasksOf(({ at, member, u64 }) => u64(member(at['task 70']!, 'task_struct.thread_node'), 0n));
    expect(names(list)).toEqual(ALL);
    expect(list.errors).toHaveLength(1);
  });

  test('and a broken table: what was found before', () => {
    const list = tasksOf(({ at, member, u64 }) => {
      u64(member(at['task 2']!, 'task_struct.tasks'), 0n);
      u64(member(at.init_pid_ns!, 'pid_namespace.idr.idr_rt.xa_head'), 0x12346n);
    });
    expect(names(list)).toEqual(['swapper/0', 'swapper/1', 'init', 'kthreadd', 'sh']);
    expect(list.errors).toHaveLength(2);
  });
});

test('what a broken list leads to is no task when its PID cannot be one', () => {
  const list = tasksOf(({ at, member, u64 }) => {
    u64(member(at['task 2']!, 'task_struct.tasks'), member(at.init_pid_ns!, 'task_struct.tasks'));
    u64(member(at.init_pid_ns!, 'task_struct.pid'), 2n ** 63n);
  });
  expect(names(list)).toEqual(ALL);
  expect(list.errors.map(String).join()).toContain('expected a PID');
});

test('a parent that cannot be read is not known', () => {
  const { tasks } = tasksOf(({ at, member, u64 }) =>
    u64(member(at['task 90']!, 'task_struct.real_parent'), 8n),
  );
  expect(tasks.find(({ comm }) => comm === 'gone')).toMatchObject({ ppid: undefined, state: 'ZO' });
});

test.each([
  [0, 0, 'RU'],
  [1, 0, 'IN'],
  [2, 0, 'UN'],
  [0x402, 0, 'ID'],
  [0x102, 0, 'UN'],
  [4, 0, 'ST'],
  [8, 0, 'TR'],
  [0x40, 0, 'PA'],
  [0x80, 0, 'DE'],
  [0x80, 0x20, 'ZO'],
  [0, 0x10, 'DE'],
  [0x200, 0, 'WA'],
  [0x800, 0, 'NE'],
  [0x1000, 0, 'UN'],
  [0x8000, 0, 'FR'],
  [0x2001, 0, 'IN'],
  [0x40000, 0, '??'],
])('state %d, exit_state %d is %s', (state, exit_state, word) => {
  expect(stateWord(state, exit_state)).toBe(word);
});

test('as lines of ps', () => {
  const list = tasksOf();
  const shown = list.tasks.filter(({ comm }) => ['sh', 'kthreadd', 'gone'].includes(comm));
  const lines = psLines(list, shown, 4096).map(line => line.replace(/[0-9a-f]{16}/, 'TASK-ADDRESS-16.'));
  expect(lines).toEqual([
    '  PID  PPID  CPU              TASK  ST  %MEM   VSZ  RSS  COMM',
    '    2     0    0  TASK-ADDRESS-16.  IN   0.0     0    0  [kthreadd]',
    '>  70     1    0  TASK-ADDRESS-16.  RU   5.0  2400  200  sh',
    '   90    70    0  TASK-ADDRESS-16.  ZO   0.0     0    0  gone',
  ]);
});
