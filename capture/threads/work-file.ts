/** The work of another process: what it is told, the memory that both map, and what it reports, in files of a directory in memory. */
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../errors.ts';
import type { Libc, SharedMapping } from '../ffi/libc.ts';
import { writeWhole } from '../whole-file.ts';
import { memoryOf, type PlannedWork } from './plan-work.ts';
import type { ThreadWork, WorkTerms } from './thread-work.ts';

export interface WorkFiles {
  /** What it is told; removed when there is nothing to do any more. */
  readonly terms: string;
  readonly memory: string;
  /** A line of JSON for each report. */
  readonly reports: string;
  /** Is there when the process has looked for work. */
  readonly looked: string;
}

export function workFiles(directory: string): WorkFiles {
  return {
    terms: join(directory, 'work.json'),
    memory: join(directory, 'work-memory'),
    reports: join(directory, 'work-reports'),
    looked: join(directory, 'looked-for-work'),
  };
}

interface Told extends Omit<WorkTerms, 'chunks'> {
  readonly chunks: readonly number[] | undefined;
  readonly sizesBytes: readonly number[];
}

/** Pages are 64 KiB at most. */
const ALIGNMENT = 1 << 16;

export interface OfferedWork {
  readonly work: ThreadWork<ArrayBuffer>;
  /** The file of reports, to be read. */
  readonly reports: number;
  /** Unmaps and removes it: whoever has it mapped goes on in what it has. Does not throw. */
  withdraw(): void;
}

/**
 * The memory is taken when it is used, not before: the directory must be of a file system that has no limit of its own (ramfs).
 * @throws what Node's calls throw, and SystemError; then nothing of it is left.
 */
export function offerWork(
  libc: Libc,
  files: WorkFiles,
  { terms, sizesBytes, fill }: PlannedWork,
): OfferedWork {
  const mappings: SharedMapping[] = [];
  let reports: number | undefined;
  const withdraw = (): void => {
    attempt(() => reports !== undefined && closeSync(reports));
    for (const file of [files.terms, files.memory, files.reports])
      attempt(() => rmSync(file, { force: true }));
    for (const mapping of mappings) attempt(() => mapping.release());
  };
  try {
    mappings.push(...mapPieces(libc, files.memory, 'w+', sizesBytes));
    const memory = memoryOf(mappings.map(bufferOf));
    fill(memory);
    const told: Told = { ...terms, chunks: terms.chunks && [...terms.chunks], sizesBytes };
    reports = openSync(files.reports, 'w+', 0o600);
    writeWhole(files.terms, JSON.stringify(told));
    return { work: { ...terms, ...memory }, reports, withdraw };
  } catch (error) {
    withdraw();
    throw error;
  }
}

/** Of the other process. @throws what Node's calls throw, and SystemError: where there is none any more, too. */
export function takeWork(libc: Libc, files: WorkFiles): ThreadWork<ArrayBuffer> {
  const { chunks, sizesBytes, ...terms } = JSON.parse(readFileSync(files.terms, 'utf8')) as Told;
  const memory = memoryOf(mapPieces(libc, files.memory, 'r+', sizesBytes).map(bufferOf));
  return { ...terms, chunks: chunks && Uint32Array.from(chunks), ...memory };
}

function bufferOf({ bytes }: SharedMapping): ArrayBuffer {
  return bytes.buffer as ArrayBuffer;
}

function mapPieces(
  libc: Libc,
  path: string,
  flags: 'w+' | 'r+',
  sizesBytes: readonly number[],
): SharedMapping[] {
  const fd = openSync(path, flags, 0o600);
  try {
    const aligned = sizesBytes.map(bytes => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    if (flags === 'w+')
      ftruncateSync(
        fd,
        aligned.reduce((sum, bytes) => sum + bytes, 0),
      );
    let offset = 0;
    return sizesBytes.map((bytes, i) => {
      const mapping = libc.mapShared(fd, bytes, offset);
      offset += aligned[i]!;
      return mapping;
    });
  } finally {
    closeSync(fd);
  }
}
