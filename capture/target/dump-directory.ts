/** The directory of one dump: made for this crash alone, private, and filled so that a power cut never leaves a lie. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import { TargetError } from '../errors.ts';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Crashes within one second, or with a clock that stands still. */
const MOST_COLLISIONS = 1000;
const BATCH_CHARS = 1 << 16;

export interface DumpDirectory {
  /** Its path while captured. */
  readonly path: string;
  /** Its path on the machine itself, for messages. */
  readonly pathOnHost: string;
  /** The directory's own name: the stamp, and a suffix where that was taken. */
  readonly name: string;
  /** Writes the text under a name that says incomplete, syncs, and renames to `name`. Returns its name and size. */
  writeDurably(name: string, text: Iterable<string>): { name: string; bytes: number };
  /** A new file's descriptor, for a writer that brings its own sink. */
  create(name: string): number;
  /** Syncs the file and makes the new name durable. */
  commit(fd: number, from: string, to: string): void;
}

/**
 * Makes `<mountpoint><path>/<stamp>/`. A name that is taken gets a suffix: nothing is ever overwritten.
 * @throws TargetError when it cannot be made, or when `path` leads out of the file system.
 */
export function createDumpDirectory(mountpoint: string, path: string, stamp: string): DumpDirectory {
  const parent = join(mountpoint, path);
  try {
    mkdirSync(parent, { recursive: true, mode: DIRECTORY_MODE });
  } catch (cause) {
    throw cannotMake(parent, cause);
  }
  const real = realpathSync(parent);
  if (real !== mountpoint && !real.startsWith(mountpoint + sep)) {
    throw new TargetError(
      'PATH_ESCAPES',
      {
        action: 'use the dump directory',
        actual: `a symbolic link leads to ${real}`,
        wanted: `a place below ${mountpoint}`,
      },
      { path },
    );
  }
  const name = makeUnique(parent, stamp);
  syncDirectory(parent);
  return openDumpDirectory(join(parent, name), join(path, name), name);
}

function openDumpDirectory(path: string, pathOnHost: string, name: string): DumpDirectory {
  const create = (file: string) => openSync(join(path, file), 'wx', FILE_MODE);
  const commit = (fd: number, from: string, to: string) => {
    fsyncSync(fd);
    renameSync(join(path, from), join(path, to));
    syncDirectory(path);
  };
  return {
    path,
    pathOnHost,
    name,
    create,
    commit,
    writeDurably(file, text) {
      const incomplete = incompleteName(file);
      const fd = create(incomplete);
      try {
        for (const piece of inBatches(text)) writeFileSync(fd, piece);
        commit(fd, incomplete, file);
        return { name: file, bytes: fstatSync(fd).size };
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** A kernel log is thousands of short lines: few writes, and never all of it in memory. */
function* inBatches(text: Iterable<string>): Generator<string> {
  let batch = '';
  for (const piece of text) {
    batch += piece;
    if (batch.length < BATCH_CHARS) continue;
    yield batch;
    batch = '';
  }
  if (batch !== '') yield batch;
}

/** `vmcore` -> `vmcore-incomplete`, `vmcore-dmesg.txt` -> `vmcore-dmesg-incomplete.txt`. */
export function incompleteName(file: string): string {
  return file.replace(/(\.[^.]+)?$/, '-incomplete$1');
}

function makeUnique(parent: string, stamp: string): string {
  for (let attempt = 1; attempt <= MOST_COLLISIONS; attempt++) {
    const name = attempt === 1 ? stamp : `${stamp}-${attempt}`;
    try {
      mkdirSync(join(parent, name), { mode: DIRECTORY_MODE });
      return name;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotMake(join(parent, name), cause);
    }
  }
  throw new TargetError('NAMES_TAKEN', {
    action: `make a dump directory ${stamp} in ${parent}`,
    actual: `${MOST_COLLISIONS} names of that second are taken`,
  });
}

function cannotMake(path: string, cause: unknown): TargetError {
  return new TargetError('MKDIR_FAILED', { action: `make ${path}`, actual: String(cause) }, {}, { cause });
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
