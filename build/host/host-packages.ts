/**
 * The host packages that the lab, the build and the capture engine need. A package counts as present when its command or
 * library is present, wherever that came from; apt installs only what is missing.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SystemError } from '../../capture/errors.ts';

/** What shows that a package is present. `static`: a command without an interpreter, which runs in an empty root. */
export type Provided = { command: string } | { static: string } | { library: string };

export interface HostPackage {
  readonly name: string;
  readonly provides: Provided;
  readonly why: string;
}

/** Packages that every build needs. */
export const BUILD_PACKAGES: readonly HostPackage[] = [
  { name: 'squashfs-tools', provides: { command: 'mksquashfs' }, why: 'the self-contained initrd' },
  { name: 'busybox-static', provides: { static: 'busybox' }, why: 'the early stage and the rescue shell' },
  { name: 'binutils', provides: { command: 'strip' }, why: 'a smaller Node in the initrd' },
  {
    name: 'e2fsprogs',
    provides: { command: 'mke2fs' },
    why: 'e2fsck for the initrd; the guest disk, written and read without a mount',
  },
  { name: 'kmod', provides: { command: 'depmod' }, why: 'modules.dep of a kernel that is not installed' },
  { name: 'xz-utils', provides: { command: 'xz' }, why: 'compressed modules and images' },
  { name: 'zstd', provides: { command: 'zstd' }, why: 'the compressed initrd' },
  { name: 'libzstd1', provides: { library: 'libzstd.so.1' }, why: 'a dump codec' },
  { name: 'liblzo2-2', provides: { library: 'liblzo2.so.2' }, why: 'a dump codec' },
  { name: 'libsnappy1v5', provides: { library: 'libsnappy.so.1' }, why: 'a dump codec' },
  { name: 'libisal2', provides: { library: 'libisal.so.2' }, why: 'a dump codec (zlib)' },
];

/** Those of the build and of the lab. */
export const HOST_PACKAGES: readonly HostPackage[] = [
  ...BUILD_PACKAGES,
  { name: 'qemu-system-x86', provides: { command: 'qemu-system-x86_64' }, why: 'the machine that crashes' },
  { name: 'xfsprogs', provides: { command: 'mkfs.xfs' }, why: 'guest disks with xfs' },
  { name: 'btrfs-progs', provides: { command: 'mkfs.btrfs' }, why: 'guest disks with btrfs' },
  { name: 'dosfstools', provides: { command: 'mkfs.vfat' }, why: 'guest disks with vfat' },
  { name: 'mtools', provides: { command: 'mcopy' }, why: 'files into a guest disk with vfat' },
  { name: 'fdisk', provides: { command: 'sfdisk' }, why: 'guest disks with partitions' },
  { name: 'lvm2', provides: { command: 'lvm' }, why: 'guest disks with logical volumes' },
  {
    name: 'debootstrap',
    provides: { command: 'debootstrap' },
    why: 'the Debian on which the package is tested',
  },
  { name: 'file', provides: { command: 'file' }, why: 'a judge: is it a "Kdump compressed dump"' },
  {
    name: 'openssl',
    provides: { command: 'openssl' },
    why: 'certificates for the server of the upload tests',
  },
];

/** Packages that only the tests need. */
export const TEST_PACKAGES: readonly HostPackage[] = [
  { name: 'mandoc', provides: { command: 'mandoc' }, why: 'judges the manual pages' },
  { name: 'groff-base', provides: { command: 'groff' }, why: 'judges the manual pages' },
  { name: 'zsh', provides: { command: 'zsh' }, why: 'judges the completion for zsh' },
  { name: 'fish', provides: { command: 'fish' }, why: 'judges the completion for fish' },
  { name: 'lintian', provides: { command: 'lintian' }, why: 'judges the Debian package' },
  {
    name: 'device-tree-compiler',
    provides: { command: 'dtc' },
    why: 'judges the device trees of crash kernels of arm64',
  },
  {
    name: 'binutils-aarch64-linux-gnu',
    provides: { command: 'aarch64-linux-gnu-objdump' },
    why: 'judges the instructions that start a crash kernel of arm64',
  },
  {
    name: 'qemu-user-static',
    provides: { command: 'qemu-aarch64-static' },
    why: 'runs the program of the package for arm64',
  },
  { name: 'rpmlint', provides: { command: 'rpmlint' }, why: 'judges the package for Fedora' },
];

/** The folders that are searched. They include the administrator's, which a user's PATH often lacks. */
export interface HostFolders {
  readonly commands: readonly string[];
  readonly libraries: readonly string[];
}

export function hostFolders(env: NodeJS.ProcessEnv = process.env): HostFolders {
  const path = (env.PATH ?? '').split(':').filter(folder => folder !== '');
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return {
    commands: [...path, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'],
    libraries: [
      `/lib/${triplet}`,
      `/usr/lib/${triplet}`,
      '/usr/local/lib',
      '/usr/lib64',
      '/lib64',
      '/usr/lib',
    ],
  };
}

/** The path of a command of the host, as the lab should call it. */
export function findCommand(name: string, folders: HostFolders = hostFolders()): string | undefined {
  return folders.commands.map(folder => join(folder, name)).find(isExecutable);
}

export function missingPackages(
  wanted: readonly HostPackage[] = HOST_PACKAGES,
  folders: HostFolders = hostFolders(),
): HostPackage[] {
  return wanted.filter(({ provides }) => {
    if ('command' in provides) return findCommand(provides.command, folders) === undefined;
    if ('static' in provides) {
      return !folders.commands.some(folder => isStaticExecutable(join(folder, provides.static)));
    }
    return !folders.libraries.some(folder => existsSync(join(folder, provides.library)));
  });
}

/**
 * Installs the missing packages. If none is missing, it prints nothing and starts no process.
 * @throws SystemError that says what to do
 */
export function ensureHostPackages(
  logFile: string,
  say: (line: string) => void = console.error,
  wanted: readonly HostPackage[] = HOST_PACKAGES,
): void {
  const names = missingPackages(wanted).map(({ name }) => name);
  if (names.length === 0) return;
  const list = names.join(' ');
  const action = `install the host packages ${list}`;
  if (findCommand('apt-get') === undefined) {
    throw new SystemError('NO_APT', {
      action,
      actual: 'there is no apt-get',
      toDo: 'use Debian, or install the commands and libraries of these packages from elsewhere',
    });
  }
  if (process.getuid?.() !== 0) {
    throw new SystemError('NOT_ROOT', {
      action,
      actual: 'not root',
      toDo: `run as root, or: apt-get install --no-install-recommends ${list}`,
    });
  }
  say(`installing host packages: ${list} …`);
  const startedMs = Date.now();
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'w');
  try {
    const apt = ['apt-get', '-o', 'Acquire::Retries=3', '-o', 'DPkg::Lock::Timeout=120'];
    // A broken third-party repository fails the update, but need not concern these packages: only the install counts.
    runLogged([...apt, 'update'], log);
    const exitCode = runLogged([...apt, 'install', '-y', '--no-install-recommends', ...names], log);
    if (exitCode !== 0) {
      const actual = explainAptFailure(readFileSync(logFile, 'utf8')) ?? 'apt-get failed';
      throw new SystemError('APT_FAILED', { action, actual, toDo: `see ${logFile}` }, { exitCode });
    }
  } finally {
    closeSync(log);
  }
  const left = missingPackages(wanted);
  if (left.length > 0) {
    throw new SystemError('STILL_MISSING', {
      action,
      actual: `apt-get succeeded, yet there is no ${left.map(describeProvided).join(', ')}`,
      toDo: `see ${logFile}`,
    });
  }
  say(`installed host packages in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
}

/** Reasons in apt's output, the most specific first. */
const APT_REASONS: readonly (readonly [RegExp, string])[] = [
  [/Temporary failure resolving '([^']*)'|Could not resolve '([^']*)'/, 'no network (cannot resolve $1)'],
  [
    /Could not connect to (\S+)|Unable to connect to (\S+)|Cannot initiate the connection to (\S+)/,
    'no network (cannot reach $1)',
  ],
  [/Unable to locate package (\S+)/, 'this release has no package $1'],
  [/You don't have enough free space|No space left on device/, 'the disk is full'],
  [/Could not get lock (\S+)/, 'another apt holds $1'],
];

export function explainAptFailure(output: string): string | undefined {
  for (const [pattern, meaning] of APT_REASONS) {
    const match = pattern.exec(output);
    if (match)
      return meaning.replace(
        '$1',
        (match.slice(1).find(group => group !== undefined) ?? '').replace(/[.,:]+$/, ''),
      );
  }
  return /^E: (.*)$/m.exec(output)?.[1];
}

function runLogged([command, ...args]: readonly string[], log: number): number {
  const { status } = spawnSync(command!, args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdio: ['ignore', log, log],
  });
  return status ?? -1;
}

function describeProvided({ provides }: HostPackage): string {
  return 'command' in provides
    ? provides.command
    : 'static' in provides
      ? `static ${provides.static}`
      : provides.library;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A 64-bit ELF executable without a PT_INTERP. */
export function isStaticExecutable(path: string): boolean {
  if (!isExecutable(path)) return false;
  const elf = readFileSync(path);
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2) return false;
  const phoff = Number(elf.readBigUInt64LE(32));
  const [phentsize, phnum] = [elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const PT_INTERP = 3;
  for (let i = 0; i < phnum; i++) {
    const at = phoff + i * phentsize;
    if (at + 4 > elf.length || elf.readUInt32LE(at) === PT_INTERP) return false;
  }
  return phnum > 0;
}
