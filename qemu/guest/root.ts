/** The guest's files: the initrd of its first kernel, and the files on its boot disk. */
import { cpSync, createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GuestFile } from '../../build/fetch/tools.ts';
import { type Parts, requireCommand, sharedLibraries } from '../../build/parts/parts.ts';
import type { ImageKernel } from '../../build/stock-image.ts';
import { type CpioEntry, encodeCpio } from '../../initrd/cpio.ts';
import { targetModules } from '../../initrd/drivers.ts';
import { RUNTIME_ON_DISK } from '../../initrd/image.ts';
import { openModuleTree } from '../../initrd/modules.ts';

export const GUEST_SCRIPTS = import.meta.dirname;

export interface FirstKernelRequest {
  readonly kernel: ImageKernel;
  /** kexec and its libraries. */
  readonly tools: readonly GuestFile[];
  /** Of the boot disk and others. ext4 and the checksums that file systems need are always included. */
  readonly drivers: readonly string[];
  /** Where programs and libraries for the guest come from. */
  readonly parts: Parts;
  /** Commands to include besides e2fsck. */
  readonly commands?: readonly string[];
  /** A script, by its path from this folder; by default that of a machine with the lab's own disk. */
  readonly init?: string;
  /** More files, from the root of the initrd. */
  readonly files?: readonly GuestFile[];
  /** Shell variables for first-kernel.sh. */
  readonly settings: Readonly<Record<string, string>>;
  readonly output: string;
}

export async function buildFirstKernelInitrd(request: FirstKernelRequest): Promise<void> {
  await pipeline(Readable.from(encodeCpio(firstKernelEntries(request))), createWriteStream(request.output));
}

function* firstKernelEntries(request: FirstKernelRequest): Generator<CpioEntry> {
  const tree = openModuleTree(request.kernel.modulesDir);
  const modules = targetModules(tree, ['ext4'], request.drivers).map(file => ({
    file,
    path: `modules/${file.split('/').at(-1)}`,
  }));
  const commands = ['e2fsck', ...(request.commands ?? [])];
  const files = new Map<string, string>([
    ['init', join(GUEST_SCRIPTS, request.init ?? 'first-kernel.sh')],
    ['bin/busybox', requireCommand(request.parts, 'busybox')],
    ...[...request.tools, ...(request.files ?? [])].map(({ path, source }): [string, string] => [
      path.slice(1),
      source,
    ]),
  ]);
  // These commands use their own libraries and loader, in a directory apart from kexec's older ones.
  for (const name of commands) {
    const path = requireCommand(request.parts, name);
    for (const [soname, library] of sharedLibraries(request.parts, path))
      files.set(`host/${soname}`, library);
    files.set(`host/${name}`, path);
  }
  files.set('host/ld.so', request.parts.loader);

  yield* directoriesOf([...files.keys(), ...modules.map(({ path }) => path), 'sbin/e2fsck', 'dev/console']);
  yield { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 };
  for (const [path, source] of files) yield { kind: 'file', path, mode: 0o755, bytes: readFileSync(source) };
  for (const name of commands) {
    const wrapper = `#!/bin/busybox sh\nexec /host/ld.so --library-path /host /host/${name} "$@"\n`;
    yield { kind: 'file', path: `sbin/${name}`, mode: 0o755, bytes: Buffer.from(wrapper) };
  }
  for (const { file, path } of modules) yield { kind: 'file', path, mode: 0o644, bytes: tree.read(file) };
  const settings = { ...request.settings, modules: modules.map(({ path }) => `/${path}`).join(' ') };
  yield { kind: 'file', path: 'lab.conf', mode: 0o644, bytes: Buffer.from(shellAssignments(settings)) };
}

function* directoriesOf(paths: readonly string[]): Generator<CpioEntry> {
  const directories = new Set<string>();
  for (const path of paths) {
    for (let dir = dirname(path); dir !== '.'; dir = dirname(dir)) directories.add(dir);
  }
  for (const path of [...directories].sort()) yield { kind: 'directory', path, mode: 0o755 };
}

function shellAssignments(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');
}

export interface BootDiskFiles {
  readonly captureInitrd: string;
  /** Of a lean capture, for where the packages put it. */
  readonly runtimeImage?: string;
  readonly loader?: GuestLoader;
}

/** kdumpling's own loading of the crash kernel, for where kexec-tools cannot do it. */
export interface GuestLoader {
  readonly program: string;
  /** koffi.node, which goes beside it. */
  readonly koffi: string;
  /** The folder with Node and its libraries, which it runs on. */
  readonly runtime: string;
}

/** Where the boot disk has the program that loads the crash kernel. */
export const LOADER_PATH = '/lab/load.js';
export const LOADER_RUNTIME = '/lab/runtime';

/** Puts the boot disk's files below `staging`: the kernel and the capture image, where a distribution puts them. */
export async function stageBootDisk(
  staging: string,
  kernel: ImageKernel & { readonly vmlinuz: string },
  { captureInitrd, runtimeImage, loader }: BootDiskFiles,
): Promise<void> {
  for (const directory of ['boot', 'etc', 'var/crash'])
    mkdirSync(join(staging, directory), { recursive: true });
  await copyFile(kernel.vmlinuz, join(staging, 'boot', `vmlinuz-${kernel.release}`));
  await copyFile(captureInitrd, join(staging, 'boot', `initramfs-${kernel.release}kdump.img`));
  if (runtimeImage) {
    const path = join(staging, RUNTIME_ON_DISK);
    mkdirSync(dirname(path), { recursive: true });
    await copyFile(runtimeImage, path);
  }
  if (!loader) return;
  cpSync(loader.runtime, join(staging, LOADER_RUNTIME), { recursive: true });
  const program = join(staging, LOADER_PATH);
  mkdirSync(dirname(program), { recursive: true });
  await copyFile(loader.program, program);
  await copyFile(loader.koffi, join(dirname(program), 'koffi.node'));
}
