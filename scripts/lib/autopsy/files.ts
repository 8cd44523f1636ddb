/** What `files` prints of a task. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { Task, TaskList } from '../../../capture/autopsy/tasks/tasks.ts';
import type { OpenFile, ProcessFiles } from '../../../capture/autopsy/vfs/open-files.ts';
import { UsageError } from '../cli/command.ts';
import { cell, columnLines } from './columns.ts';
import { chooseTasks } from './ps.ts';

export interface TaskFiles {
  readonly task: Task;
  readonly found: ProcessFiles;
}

/** @throws UsageError for a word that no task answers to, and where nobody knows in which task the panic was. */
export function tasksOrPanicTask({ tasks, panicTask }: TaskList, words: readonly string[]): readonly Task[] {
  if (words.length > 0) return chooseTasks(tasks, { words, only: undefined, leaders: false });
  if (panicTask) return [panicTask];
  throw new UsageError('NO_PANIC_TASK', {
    action: 'choose a task',
    actual: 'the dump does not say in which one the panic was',
    wanted: 'a PID, a name or an address',
    toDo: 'see kdumpling ps',
  });
}

/** crash's form. */
export function filesLines({ task, found: { root, cwd, files } }: TaskFiles): string[] {
  return [
    `PID: ${task.pid}  TASK: ${addressDigits(task.address)}  CPU: ${task.cpu}  COMMAND: "${task.comm}"`,
    `ROOT: ${cell(root)}    CWD: ${cell(cwd)}`,
    ...(files.length === 0
      ? ['No open files']
      : columnLines(['>FD', 'FILE', 'DENTRY', 'INODE', 'TYPE', 'PATH'], files.map(fileCells))),
  ];
}

function fileCells({ fd, file, dentry, inode, type, path }: OpenFile): string[] {
  return [String(fd), addressDigits(file), addressDigits(dentry), addressDigits(inode), type, cell(path)];
}

export function filesData({ task: { pid, address, comm }, found: { files, ...directories } }: TaskFiles) {
  return {
    pid,
    address: addressDigits(address),
    comm,
    ...directories,
    files: files.map(({ file, dentry, inode, ...facts }) => ({
      ...facts,
      file: addressDigits(file),
      dentry: addressDigits(dentry),
      inode: addressDigits(inode),
    })),
  };
}
