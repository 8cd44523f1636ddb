/**
 * The one way to replace a file: after a crash or a power cut there is the old file or the new one, never a part of one.
 * The new bytes go into a temporary file beside it, which is synced and renamed, and then the directory is synced.
 *
 * A file that exists keeps its mode, owner, ACL and SELinux label, and a symbolic link to it stays a link.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { SystemError } from '../../errors.ts';
import { syncDirectory } from './sync-directory.ts';

export type Content = string | Uint8Array | Iterable<Uint8Array>;

export interface Placing {
  /** Of a file that does not exist yet, less the umask. */
  readonly mode?: number;
  /** Where absolute links and `..` begin and end: the root of the machine whose file it is. */
  readonly root?: string;
}

/** As the kernel's own limit on links in one path. */
const MOST_LINKS = 40;
/** A temporary file of a process that is gone is removed at this age: no write takes as long. */
const STALE_MS = 10 * 60_000;

/**
 * Returns the length of the new file in bytes. The directory must exist.
 * @throws SystemError for what is no regular file; what Node's calls throw. The old file is then untouched.
 */
export function replaceFile(
  path: string,
  content: Content,
  { mode = 0o644, root = '/' }: Placing = {},
): number {
  const target = resolveLinks(path, root);
  const existing = regularFile(target);
  return inTemporary(target, temporary => {
    // Closed to others until it has the owner and mode of the old one.
    const fd = openSync(temporary, 'wx', existing ? 0o600 : mode);
    try {
      if (existing) copyAttributes(target, existing, temporary, fd);
      return writeAll(fd, content);
    } finally {
      closeSync(fd);
    }
  });
}

/** The same for a file that another program makes. @param make writes the whole file under the name it is given. */
export async function replaceFileMadeBy(
  path: string,
  make: (temporary: string) => Promise<unknown>,
): Promise<void> {
  const target = resolveLinks(path, '/');
  const existing = regularFile(target);
  const temporary = temporaryName(target);
  try {
    await make(temporary);
    const fd = openSync(temporary, 'r');
    try {
      if (existing) copyAttributes(target, existing, temporary, fd);
    } finally {
      closeSync(fd);
    }
    settle(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * The path without symbolic links, also that of a file that does not exist yet.
 * @param path below `root`, where the machine's absolute links begin.
 * @throws SystemError for a circle of links.
 */
export function resolveLinks(path: string, root: string): string {
  const base = baseOf(root);
  const absolute = isAbsolute(path) ? path : `${process.cwd()}/${path}`;
  return resolveInRoot(absolute.slice(base.length), root);
}

/**
 * A machine's path as this process sees it, resolved as chroot(2) would: no link and no `..` leads out of the root.
 * @param path on the machine whose root is `root`; what of it does not exist is kept as it is.
 * @param keepsLast whether a link at the end stays one, as for lstat(2).
 * @throws SystemError for a circle of links.
 */
export function resolveInRoot(path: string, root: string, { keepsLast = false } = {}): string {
  const base = baseOf(root);
  const pending = path.split('/').filter(Boolean).reverse();
  const done: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const part = pending.pop()!;
    if (part === '.') continue;
    if (part === '..') {
      done.pop();
      continue;
    }
    const at = `${base}/${[...done, part].join('/')}`;
    const isLast = keepsLast && pending.length === 0;
    if (isLast || !lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    if (++links > MOST_LINKS)
      throw new SystemError('LINKS', { action: `find ${path}`, actual: 'its symbolic links form a circle' });
    const to = readlinkSync(at);
    if (to.startsWith('/')) done.length = 0;
    pending.push(...to.split('/').filter(Boolean).reverse());
  }
  return `${base}/${done.join('/')}`;
}

function baseOf(root: string): string {
  return resolve(root) === '/' ? '' : resolve(root);
}

function inTemporary<T>(target: string, fill: (temporary: string) => T): T {
  const temporary = temporaryName(target);
  try {
    const result = fill(temporary);
    settle(temporary, target);
    return result;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function settle(temporary: string, target: string): void {
  const fd = openSync(temporary, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, target);
  syncDirectory(dirname(target));
}

function writeAll(fd: number, content: Content): number {
  const pieces = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  let bytes = 0;
  for (const piece of pieces) {
    writeFileSync(fd, piece);
    bytes += Buffer.byteLength(piece);
  }
  return bytes;
}

/** @throws SystemError for a device, a pipe or a directory, which must not be replaced by a file. */
function regularFile(path: string): Stats | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || found.isFile()) return found;
  throw new SystemError('NOT_A_FILE', {
    action: `replace ${path}`,
    actual: found.isDirectory() ? 'it is a directory' : 'it is a device, a pipe or a socket',
    wanted: 'a regular file',
  });
}

/** Each writer has a temporary file of its own, so that two at once never write into one file. */
function temporaryName(target: string): string {
  const [directory, name] = [dirname(target), basename(target)];
  removeStale(directory, name);
  return join(directory, `.${name}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
}

/** What an earlier process left that was killed, or that lost its power, in mid-write. */
function removeStale(directory: string, name: string): void {
  for (const file of readdirSync(directory)) {
    const pid =
      file.startsWith(`.${name}.`) && /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(file.slice(name.length + 2))?.[1];
    if (!pid || isAlive(Number(pid))) continue;
    const path = join(directory, file);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isFile() && Date.now() - found.mtimeMs > STALE_MS) rmSync(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** By coreutils, since Node has no calls for ACLs and SELinux labels; where it is missing, owner and mode alone. */
function copyAttributes(from: string, { uid, gid, mode }: Stats, to: string, fd: number): void {
  spawnSync('cp', ['--attributes-only', '--preserve=all', '--no-preserve=timestamps', '--', from, to], {
    stdio: 'ignore',
  });
  const now = fstatSync(fd);
  if (now.uid !== uid || now.gid !== gid) fchownSync(fd, uid, gid);
  if (now.mode !== mode) fchmodSync(fd, mode & 0o7777);
}
