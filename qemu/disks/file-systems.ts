/** The file systems of the lab's disks, one row each: made with files and checked, without a mount or a loop device. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findCommand } from '../../build/host/host-packages.ts';
import { SystemError } from '../../capture/errors.ts';
import { xfsPrototype } from './xfs-prototype.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;

export interface FileSystemRequest {
  /** The image: it exists, is sparse, and has the file system's size. */
  readonly path: string;
  readonly uuid: string;
  readonly label: string;
  /** Directory whose files are copied into the file system. */
  readonly contents: string;
}

export interface DiskCheck {
  readonly clean: boolean;
  readonly says: string;
}

export interface LabFileSystem {
  readonly name: string;
  readonly drivers: readonly string[];
  make(request: FileSystemRequest): Promise<unknown>;
  /** Command and arguments of a check that repairs nothing; the image is appended. Exit code 0 means clean. */
  readonly check: readonly string[];
  /** Lines of the check that only say the file system was mounted at the crash, for one that keeps such a mark. */
  readonly crashMark?: RegExp;
  /** What the kernel prints when a mount had to repair something. */
  readonly recovery: RegExp;
}

export const LAB_FILE_SYSTEMS = [
  {
    name: 'ext4',
    drivers: ['ext4'],
    make: ({ path, uuid, label, contents }) =>
      tool('mke2fs', ['-q', '-F', '-t', 'ext4', '-U', uuid, '-L', label, '-d', contents, path]),
    check: ['e2fsck', '-fn'],
    recovery: /EXT4-fs .*recovery complete/,
  },
  {
    name: 'xfs',
    drivers: ['xfs'],
    async make({ path, uuid, label, contents }) {
      const prototype = `${path}.prototype`;
      await writeFile(prototype, xfsPrototype(contents));
      await tool('mkfs.xfs', ['-q', '-m', `uuid=${uuid}`, '-L', label, '-p', prototype, path]);
      await rm(prototype);
    },
    check: ['xfs_repair', '-n', '-f'],
    recovery: /XFS .*Starting recovery/,
  },
  {
    name: 'btrfs',
    drivers: ['btrfs'],
    make: ({ path, uuid, label, contents }) =>
      tool('mkfs.btrfs', ['-q', '-U', uuid, '-L', label, '--rootdir', contents, path]),
    check: ['btrfs', 'check', '--readonly'],
    recovery: /BTRFS .*(start tree-log replay|error)/,
  },
  {
    name: 'vfat',
    drivers: ['vfat', 'nls_cp437', 'nls_ascii'],
    async make({ path, uuid, label, contents }) {
      const serial = fatSerial(uuid);
      await tool('mkfs.vfat', ['-F', '32', '-i', serial.replace('-', ''), '-n', label, path]);
      for (const name of readdirSync(contents)) {
        await tool('mcopy', ['-s', '-i', path, join(contents, name), '::/']);
      }
    },
    check: ['fsck.vfat', '-n'],
    // Linux keeps the mark on a FAT that had it when it was mounted (fs/fat/inode.c, fat_set_state); fsck.vfat clears it.
    crashMark:
      /^(fsck\.fat |There are differences between boot sector|This is mostly harmless|\s+65:01\/00|\s+Not automatically|Dirty bit is set|\s*Automatically removing dirty bit|Leaving filesystem unchanged|.*: \d+ files, )/,
    recovery: /FAT-fs .*error/,
  },
] as const satisfies readonly LabFileSystem[];

export type FileSystemName = (typeof LAB_FILE_SYSTEMS)[number]['name'];

export function fileSystemOf(name: FileSystemName): LabFileSystem {
  return LAB_FILE_SYSTEMS.find(fileSystem => fileSystem.name === name)!;
}

/** The value of `UUID=` on this file system: a FAT stores only 32 bits. */
export function uuidOn(fs: FileSystemName, uuid: string): string {
  return fs === 'vfat' ? fatSerial(uuid) : uuid;
}

function fatSerial(uuid: string): string {
  return `${uuid.slice(0, 4)}-${uuid.slice(4, 8)}`.toUpperCase();
}

/** A sparse file. */
export async function makeSparse(path: string, sizeMib: number): Promise<void> {
  await writeFile(path, '');
  await truncate(path, sizeMib * MIB);
}

export async function checkFileSystem(
  image: string,
  { check, crashMark }: LabFileSystem,
): Promise<DiskCheck> {
  const [command, ...args] = check;
  try {
    const { stdout } = await run(findCommand(command) ?? command, [...args, image], { maxBuffer: 16 * MIB });
    return { clean: true, says: stdout };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    const says = `${stdout ?? ''}${stderr ?? ''}`;
    const complaints = says.split('\n').filter(line => line.trim() !== '' && !crashMark?.test(line));
    return { clean: says !== '' && complaints.length === 0, says };
  }
}

/** Runs a command of the host. Returns its output. @throws SystemError TOOL_FAILED with its error message */
export async function tool(name: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(findCommand(name) ?? name, args)).stdout;
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    const actual = stderr?.trim() || String(cause);
    throw new SystemError('TOOL_FAILED', { action: `run ${name} ${args.join(' ')}`, actual }, {}, { cause });
  }
}
