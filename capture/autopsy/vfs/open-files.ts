/** What a process had open (struct files_struct, include/linux/fdtable.h), and its root and working directories. */
import { attempt, KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { type Findings, Problems, readEach } from '../problems.ts';
import { Paths, pathAt } from './paths.ts';

export type FileType = 'REG' | 'DIR' | 'CHR' | 'BLK' | 'FIFO' | 'SOCK' | 'LNK' | 'UNKN';

export interface OpenFile {
  readonly fd: number;
  /** Of its `struct file`, `dentry` and `inode`. */
  readonly file: bigint;
  readonly dentry: bigint;
  readonly inode: bigint;
  readonly type: FileType;
  /** Absent when it cannot be read. */
  readonly path?: string;
}

export interface ProcessFiles {
  readonly root?: string;
  readonly cwd?: string;
  readonly files: readonly OpenFile[];
}

/** @param task the address of a task_struct. A kernel thread, or one that has exited, has nothing open. */
export function readProcessFiles(
  kernel: DeadKernel,
  task: bigint,
  paths = new Paths(kernel),
): Findings<ProcessFiles> {
  const { fields } = kernel;
  const problems = new Problems();
  const directory = (member: 'root' | 'pwd') =>
    attempt(() => {
      const fs = fields.pointer(task, 'task_struct.fs');
      return fs === 0n ? undefined : paths.text(pathAt(kernel, fields.address(fs, `fs_struct.${member}`)));
    }, problems.add);
  const root = directory('root');
  const cwd = directory('pwd');
  const files = readEach(slots(kernel, task), slot => readFile(kernel, slot, paths, problems), problems);
  return {
    found: { ...(root !== undefined && { root }), ...(cwd !== undefined && { cwd }), files },
    problems: problems.sentences,
  };
}

/** Which directories and open files a task has: the same text for tasks that share both, as the threads of a process do. @throws AutopsyError, KernelError */
export function fileTables({ fields }: DeadKernel, task: bigint): string {
  return `${fields.pointer(task, 'task_struct.fs')} ${fields.pointer(task, 'task_struct.files')}`;
}

interface Slot {
  readonly fd: number;
  readonly file: bigint;
}

/** sysctl fs.nr_open is 2^20 by default. */
const MOST_FDS = 1 << 20;
const POINTER_BYTES = 8;
const CHUNK_FDS = 512;

/** The table's entries in use, ascending. */
function* slots({ memory, fields }: DeadKernel, task: bigint): Generator<Slot> {
  const files = fields.pointer(task, 'task_struct.files');
  if (files === 0n) return;
  const table = fields.pointer(files, 'files_struct.fdt');
  const count = fields.number(table, 'fdtable.max_fds');
  if (count > MOST_FDS) throw tooMany(count, table);
  const first = fields.pointer(table, 'fdtable.fd');
  for (let start = 0; start < count; start += CHUNK_FDS) {
    const length = Math.min(CHUNK_FDS, count - start);
    const at = first + BigInt(start * POINTER_BYTES);
    const bytes = memory.readVirtual(at, length * POINTER_BYTES, 'the table of open files');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let i = 0; i < length; i++) {
      const file = view.getBigUint64(i * POINTER_BYTES, true);
      if (file !== 0n) yield { fd: start + i, file };
    }
  }
}

function readFile(kernel: DeadKernel, { fd, file }: Slot, paths: Paths, problems: Problems): OpenFile {
  const { fields } = kernel;
  const at = pathAt(kernel, fields.address(file, 'file.f_path'));
  const inode = fields.pointer(file, 'file.f_inode');
  const path = attempt(() => paths.text(at), problems.add);
  return {
    fd,
    file,
    dentry: at.dentry,
    inode,
    type: typeOf(fields.number(inode, 'inode.i_mode')),
    ...(path !== undefined && { path }),
  };
}

/** By the upper four bits of a mode (S_IFMT in include/uapi/linux/stat.h). */
const TYPES: Readonly<Record<number, FileType>> = {
  1: 'FIFO',
  2: 'CHR',
  4: 'DIR',
  6: 'BLK',
  8: 'REG',
  10: 'LNK',
  12: 'SOCK',
};

function typeOf(mode: number): FileType {
  return TYPES[mode >>> 12] ?? 'UNKN';
}

function tooMany(count: number, table: bigint): KernelError {
  return new KernelError(
    'OPEN_FILES',
    {
      action: 'list the open files',
      actual: `the table says that it has ${count} entries`,
      wanted: `at most ${MOST_FDS}`,
    },
    { table },
  );
}
