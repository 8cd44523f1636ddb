/** What our own verbs answer of tasks that share something is read once, and of each of those that do not. */
import { expect, test, vi } from 'vitest';
import { inspect } from '../../../capture/autopsy/inspection.ts';
import type { Task, TaskList } from '../../../capture/autopsy/tasks/tasks.ts';
import { ANSWERS } from '../../../capture/triage/answers.ts';
import type { SmallKernel } from '../../support/small-kernel.ts';
import { buildFiles, FILES, FS, TASK } from '../autopsy/vfs/files-fixture.ts';

const OTHER = 0x5800n;
const OTHER_FILES = 0x5900n;
const OTHER_TABLE = 0x5a00n;
const LAST_FD = 0x5b00n;

function addTask(kernel: SmallKernel, files: bigint): void {
  kernel.set(OTHER, 'task_struct.fs', FS);
  kernel.set(OTHER, 'task_struct.files', files);
}

function readsFor(kernel: SmallKernel, addresses: readonly bigint[]): number {
  const dead = kernel.open();
  const tasks = addresses.map(address => ({ address, isKernelThread: false }) as Task);
  const reads = vi.spyOn(dead.memory, 'readVirtualUpTo');
  ANSWERS.files(dead, { tasks } as unknown as TaskList, inspect(dead));
  return reads.mock.calls.length;
}

test('the open files of two threads are read once', () => {
  const kernel = buildFiles();
  addTask(kernel, FILES);
  const one = readsFor(kernel, [TASK]);
  expect(one).toBeGreaterThan(20);
  // Where the tables of both are.
  expect(readsFor(kernel, [TASK, OTHER])).toBe(one + 2);
});

test('those of two processes are read of each, and what cannot be read of one costs no other', () => {
  const kernel = buildFiles();
  addTask(kernel, OTHER_FILES);
  kernel.set(OTHER_FILES, 'files_struct.fdt', OTHER_TABLE);
  kernel.set(OTHER_TABLE, 'fdtable.max_fds', 1);
  kernel.set(OTHER_TABLE, 'fdtable.fd', LAST_FD);
  kernel.number(LAST_FD, 8, 0n);
  const [first, both] = [readsFor(kernel, [TASK]), readsFor(kernel, [TASK, OTHER])];
  expect(both).toBeGreaterThan(first + 5);
  expect(readsFor(kernel, [0x99000n, TASK])).toBeGreaterThan(first);
});
