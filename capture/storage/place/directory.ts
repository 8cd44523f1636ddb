/**
 * The directory of one dump: private, new for each crash, and filled so that its names are true after a power cut.
 *
 * The file system belongs to the crashed machine, so no symbolic link on the path is followed.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { TargetError } from '../../errors.ts';
import { openVmcoreFile } from '../../vmcore/reader.ts';
import { openFileSink } from './file-sink.ts';
import { type DumpPlace, incompleteName } from './place.ts';
import { syncDirectory } from './sync-directory.ts';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Crashes within one second, or with a clock that stands still. */
const MOST_COLLISIONS = 1000;
const BATCH_CHARS = 1 << 16;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

export interface DumpDirectory extends DumpPlace {
  /** Its path while captured. */
  readonly path: string;
}

/**
 * Makes `<mountpoint><path>/<stamp>/`, with a suffix if the name is taken. Nothing is ever overwritten.
 * @param onWarning is told of an insecure directory on the path, which is no reason to lose a dump.
 * @throws TargetError when it cannot be made, or when a component of the path is not a directory.
 */
export function createDumpDirectory(
  mountpoint: string,
  path: string,
  stamp: string,
  onWarning: (text: string) => void = () => {},
): DumpDirectory {
  const parent = walk(mountpoint, path, onWarning);
  const name = makeUnique(parent, stamp);
  syncDirectory(parent);
  return openDumpDirectory(join(parent, name), join(path, name), name);
}

function openDumpDirectory(path: string, pathOnHost: string, name: string): DumpDirectory {
  // O_EXCL: the kernel refuses any existing name, including a symbolic link.
  const create = (file: string) => openSync(join(path, file), 'wx+', FILE_MODE);
  const commit = (fd: number, file: string) => {
    fsyncSync(fd);
    renameSync(join(path, incompleteName(file)), join(path, file));
    syncDirectory(path);
  };
  return {
    path,
    pathOnHost,
    name,
    scratch: path,
    create(file) {
      const incomplete = incompleteName(file);
      const fd = create(incomplete);
      return {
        incompleteName: incomplete,
        fd,
        startOffset: 0,
        sink: openFileSink(fd, incomplete, { durable: true, allowsHoles: true }),
        readBack: () => openVmcoreFile(join(path, incomplete), undefined),
        commit: () => commit(fd, file),
        setLength: sizeBytes => ftruncateSync(fd, sizeBytes),
        keep() {
          fsyncSync(fd);
          syncDirectory(path);
        },
        discard: () => unlinkSync(join(path, incomplete)),
        close: () => closeSync(fd),
      };
    },
    writeDurably(file, text) {
      const fd = create(incompleteName(file));
      try {
        for (const piece of inBatches(text)) writeFileSync(fd, piece);
        commit(fd, file);
        return { name: file, bytes: fstatSync(fd).size };
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** A kernel log has thousands of short lines: batches make few writes, and never hold all of it in memory. */
export function* inBatches(text: Iterable<string>): Generator<string> {
  let batch = '';
  for (const piece of text) {
    batch += piece;
    if (batch.length < BATCH_CHARS) continue;
    yield batch;
    batch = '';
  }
  if (batch !== '') yield batch;
}

/** Walks down from the mountpoint, making missing directories. Returns the path of the last one. */
function walk(mountpoint: string, path: string, onWarning: (text: string) => void): string {
  let at = mountpoint;
  for (const component of path.split('/').filter(part => part !== '')) {
    at = join(at, component);
    const found = lookAt(at);
    if (!found) {
      makeDirectory(at);
      syncDirectory(dirname(at));
    } else if (!found.isDirectory()) throw notADirectory(at, found);
    else warnOfOthers(at.slice(mountpoint.length), found, onWarning);
  }
  return at;
}

/**
 * Nothing else runs during a capture, and only root can enter the dump's own directory. A user who may write to the
 * directory above can remove the dump later, but cannot read it.
 */
function warnOfOthers(path: string, { uid, mode }: Stats, onWarning: (text: string) => void): void {
  if (uid !== 0) onWarning(`${path} belongs to user ${uid}, who can remove the dump; expected root`);
  else if (mode & WRITABLE_BY_OTHERS && !(mode & STICKY))
    onWarning(`${path} may be written by others than root (mode ${(mode & 0o7777).toString(8)})`);
}

const KINDS = [
  ['isSymbolicLink', 'a symbolic link'],
  ['isFile', 'a file'],
  ['isFIFO', 'a pipe'],
  ['isSocket', 'a socket'],
] as const;

function notADirectory(path: string, found: Stats): TargetError {
  const kind = KINDS.find(([is]) => found[is]())?.[1] ?? 'a device';
  return new TargetError('NOT_A_DIRECTORY', {
    action: `use the dump directory ${path}`,
    actual: `it is ${kind}`,
    wanted: 'a directory; links are not followed',
  });
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

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: DIRECTORY_MODE });
  } catch (cause) {
    throw cannotMake(path, cause);
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw cannotMake(path, cause);
  }
}

/** EBADMSG and EUCLEAN, for which Node has no names: ext4, xfs and btrfs return them for metadata with a bad checksum. */
const DAMAGED: readonly (number | undefined)[] = [-74, -117];

function cannotMake(path: string, cause: unknown): TargetError {
  const isDamaged = DAMAGED.includes((cause as NodeJS.ErrnoException).errno);
  const actual = isDamaged ? 'the file system is damaged there' : String(cause);
  return new TargetError('MKDIR_FAILED', { action: `make ${path}`, actual }, {}, { cause });
}
