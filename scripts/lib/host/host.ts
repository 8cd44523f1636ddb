/**
 * The machine that is armed, as files and commands below a root: `/` in real life, a folder in tests and image builds.
 * Every path is resolved as chroot(2) would: what a link in the root leads to is looked for in the root.
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt, SystemError } from '../../../capture/errors.ts';
import { replaceFile, resolveInRoot } from '../../../capture/storage/place/durable-file.ts';

export interface CommandResult {
  /** Undefined when it could not be started or was killed. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Paths are absolute, as on the machine itself. */
export interface Host {
  readonly root: string;
  /**
   * Whether it is not the running machine, nor a copy of what one says of itself, but only its disk: nothing is known of
   * its memory and devices.
   */
  readonly isImage: boolean;
  /** The path of a file of the machine as this process sees it, without links. @throws SystemError for a circle of links. */
  path(file: string): string;
  /** The same of a directory entry, which may be a link itself: for lstat, and for what must not follow it. */
  entry(file: string): string;
  exists(file: string): boolean;
  /** A file's text; undefined when it does not exist, cannot be read, is no regular file, or is too large for a text. */
  read(file: string): string | undefined;
  /** As `read`, for files of up to 256 MiB. */
  readBytes(file: string): Buffer | undefined;
  sizeBytes(file: string): number | undefined;
  /** Names in a directory, sorted; none when it does not exist or cannot be read. */
  list(directory: string): string[];
  /** A path with links resolved, seen from the root; undefined when it does not exist. */
  resolve(file: string): string | undefined;
  /**
   * Writes a file so that after a power cut there is the old one or the new one. Makes its directory. A file that exists
   * keeps its mode, owner and label, and a link to it stays a link. @param mode of a new file
   */
  write(file: string, text: string, mode?: number): void;
  remove(file: string): void;
  /** Writes a value to a file of the kernel's (/proc, /sys). */
  set(file: string, value: string): void;
  /** Bytes that may still be written below a directory; undefined when it does not exist. */
  freeBytes(directory: string): number | undefined;
  /** The path of a command installed on the machine. */
  command(name: string): string | undefined;
  /** Runs a command of the machine, below its root, to its end. */
  run(command: string, args: readonly string[]): CommandResult;
}

const COMMAND_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * @param root an absolute path.
 * @param run runs commands; for a root without programs of its own.
 */
export function openHost(root = '/', run: Host['run'] = runBelow(root)): Host {
  const isRunning = root === '/';
  const path = (file: string) => (isRunning ? file : resolveInRoot(file, root));
  const entry = (file: string) => (isRunning ? file : resolveInRoot(file, root, { keepsLast: true }));
  const stat = (file: string) => attempt(() => statSync(path(file), { throwIfNoEntry: false }));
  const host: Host = {
    root,
    isImage: false,
    path,
    entry,
    exists: file => stat(file) !== undefined,
    read: file => attempt(() => readBounded(path(file), MOST_TEXT_BYTES)?.toString('utf8')),
    readBytes: file => attempt(() => readBounded(path(file), MOST_BYTES)),
    sizeBytes: file => stat(file)?.size,
    list: directory => attempt(() => readdirSync(path(directory)).sort()) ?? [],
    resolve(file) {
      if (isRunning) return attempt(() => realpathSync(file));
      return host.exists(file) ? path(file).slice(root.length) || '/' : undefined;
    },
    write(file, text, mode = 0o644) {
      const target = resolveInRoot(file, root);
      mkdirSync(dirname(target), { recursive: true });
      replaceFile(target, text, { mode, root });
    },
    remove(file) {
      rmSync(entry(file), { force: true });
    },
    set(file, value) {
      writeFileSync(path(file), value);
    },
    freeBytes: directory =>
      attempt(() => {
        const { bavail, bsize } = statfsSync(path(directory));
        return bavail * bsize;
      }),
    command: name => COMMAND_FOLDERS.map(folder => join(folder, name)).find(file => isExecutable(path(file))),
    run,
  };
  return host;
}

const MOST_TEXT_BYTES = 32 << 20;
/** The largest is an initrd. */
const MOST_BYTES = 256 << 20;

/** Undefined for what is no regular file, or larger. A pipe without a writer is not waited for. */
function readBounded(path: string, mostBytes: number): Buffer | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    return status.isFile() && status.size <= mostBytes ? readFileSync(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

function runBelow(root: string): Host['run'] {
  return (command, args) => {
    const [program, ...rest] = root === '/' ? [command, ...args] : ['chroot', root, command, ...args];
    const { status, stdout, stderr, error } = spawnSync(program!, rest, {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      env: { ...process.env, LC_ALL: 'C' },
    });
    return { status: status ?? undefined, stdout: stdout ?? '', stderr: stderr || (error?.message ?? '') };
  };
}

/** Runs a command that must succeed. @throws SystemError with the last line of its stderr. */
export function mustRun(host: Host, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = host.run(command, args);
  if (status === 0) return stdout;
  throw new SystemError('COMMAND_FAILED', {
    action: `run ${[command, ...args].join(' ')}`,
    actual: stderr.trim().split('\n').at(-1) || `it ended with status ${status ?? 'unknown'}`,
  });
}

function isExecutable(path: string): boolean {
  return attempt(() => accessSync(path, constants.X_OK) === undefined) ?? false;
}
