/**
 * Stock Debian kernels, fetched and laid out as unpacked trees with their modules.dep, beside a record of what each is.
 * Old versions leave the archive, so the newest of a series is resolved once and then kept.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';
import { announced, type Cache, publishDir, requireSpace, withLock } from '../cache.ts';
import { findCommand } from '../host/host-packages.ts';
import {
  discard,
  downloadClosure,
  downloadPackages,
  findPackage,
  HOST_ARCHITECTURE,
  openApt,
} from './apt.ts';
import { debFilename } from './apt-output.ts';
import { TRIPLETS } from './architectures.ts';
import { unpackDeb, unpackDebs } from './deb.ts';
import {
  type Flavour,
  type KernelChoice,
  type ResolvedKernel,
  resolveKernel,
  type Series,
} from './kernel-origins.ts';
import type { SuiteName } from './sources.ts';

export interface KernelRecord {
  readonly series: Series;
  readonly flavour: Flavour;
  /** As uname -r says it: 6.1.0-56-cloud-amd64. */
  readonly release: string;
  readonly packageVersion: string;
  readonly suite: SuiteName;
  /** Those with the kernel itself: one, or three where Debian splits it (7.x). */
  readonly packages: readonly { name: string; version: string; sha256: string; sizeBytes: number }[];
  readonly vmlinuzSha256: string;
  readonly fetchedAt: string;
}

export interface Kernel {
  readonly release: string;
  readonly packageVersion: string;
  /** The unpacked tree. */
  readonly dir: string;
  readonly vmlinuz: string;
  /** …/lib/modules/RELEASE, with its modules.dep. */
  readonly modulesDir: string;
  /** The build configuration (CONFIG_…). */
  readonly config: string;
  /** Of the vmlinuz: tells two builds of one release apart. */
  readonly sha256: string;
  readonly record: KernelRecord;
}

export const DEFAULT_KERNEL: KernelChoice = { series: '6.1', flavour: 'cloud' };

/** The kernel from the cache, or the archive's newest of the series. `refresh` asks the archive in any case. */
export async function fetchKernel(
  cache: Cache,
  choice: KernelChoice = DEFAULT_KERNEL,
  { refresh = false } = {},
): Promise<Kernel> {
  return withLock(
    cache,
    `kernel-${choice.series}-${choice.flavour}-${choice.architecture ?? HOST_ARCHITECTURE}`,
    async () => {
      const cached = await newestCached(cache, choice);
      if (cached && !refresh) return cached;
      const resolved = await resolveKernel(cache, choice, { refresh });
      const dir = join(kernelsDir(cache), `${resolved.release}_${fileSafe(resolved.packageVersion)}`);
      if (existsSync(join(dir, 'record.json'))) return openKernel(dir);
      const sizeBytes = resolved.packages.reduce((sum, info) => sum + info.installedBytes, 0);
      await requireSpace(cache, sizeBytes * 1.5, `the kernel ${resolved.release}`);
      const debs = await downloadPackages(resolved.apt, resolved.packages);
      await publishDir(dir, partial => layOutKernel(cache, choice, resolved, debs, partial));
      await discard(debs);
      return openKernel(dir);
    },
  );
}

/** The debug symbols (vmlinux with DWARF) of exactly this build of the kernel. Some 280 MB to download, once. */
export async function fetchDebugSymbols(cache: Cache, kernel: Kernel): Promise<string> {
  const { release, packageVersion, record } = kernel;
  const dir = join(cache.dir, 'symbols', `${release}_${fileSafe(packageVersion)}`);
  const vmlinux = join(dir, 'vmlinux');
  return withLock(cache, `symbols-${release}`, async () => {
    if (existsSync(vmlinux)) return vmlinux;
    const apt = await openApt(cache, record.suite, { architecture: architectureOf(record) });
    const info = await findPackage(apt, `linux-image-${release}-dbg`, packageVersion);
    if (!info) {
      throw new SystemError('NO_SYMBOLS', {
        action: `fetch the debug symbols of ${release}`,
        actual: `${record.suite} no longer has version ${packageVersion}`,
        wanted: 'a refreshed kernel (the archive keeps the newest ones only)',
      });
    }
    // The vmlinux is about a third of what is unpacked in all.
    await requireSpace(cache, info.sizeBytes + info.installedBytes / 2, `the debug symbols of ${release}`);
    const debs = await downloadClosure(apt, [info]);
    const deb = debs.find(path => basename(path) === debFilename(info))!;
    await publishDir(dir, partial =>
      announced(cache, 'unpacking vmlinux', async () => {
        await unpackDeb(deb, partial, ['./usr/lib/debug/*vmlinux*']);
        await rename(await largestFile(partial), join(partial, 'vmlinux'));
        await rm(join(partial, 'usr'), { recursive: true, force: true });
      }),
    );
    await discard(debs);
    return vmlinux;
  });
}

async function layOutKernel(
  cache: Cache,
  { series, flavour }: KernelChoice,
  { apt, release, packageVersion, packages }: ResolvedKernel,
  debs: readonly string[],
  dir: string,
): Promise<void> {
  await announced(cache, `unpacking ${release}`, async () => {
    await unpackDebs(debs, dir);
    const { vmlinuz, modulesDir } = await locate(dir, release);
    if (!existsSync(join(modulesDir, 'modules.dep'))) await runDepmod(modulesDir, release);
    const record: KernelRecord = {
      series,
      flavour,
      release,
      packageVersion,
      suite: apt.suite,
      packages: packages.map(({ name, version, sha256, sizeBytes }) => ({
        name,
        version,
        sha256,
        sizeBytes,
      })),
      vmlinuzSha256: createHash('sha256')
        .update(await readFile(vmlinuz))
        .digest('hex'),
      fetchedAt: new Date().toISOString(),
    };
    await writeFile(join(dir, 'record.json'), `${JSON.stringify(record, null, 2)}\n`);
  });
}

/** depmod(8) wants the folder above lib/modules. */
async function runDepmod(modulesDir: string, release: string): Promise<void> {
  const depmod = findCommand('depmod');
  const base = join(modulesDir, '../../..');
  const output = depmod && (await $({ nothrow: true, quiet: true })`${depmod} -b ${base} ${release}`);
  if (output && output.exitCode === 0) return;
  throw new SystemError('NO_DEPMOD', {
    action: `index the modules of ${release}`,
    actual: output ? output.stderr.trim() || 'depmod failed' : 'there is no depmod',
    wanted: 'the host package kmod',
  });
}

/** Before and after Debian moved the kernel under /usr (7.x). */
const PLACES = {
  vmlinuz: ['boot/vmlinuz-%release', 'usr/lib/modules/%release/vmlinuz'],
  modulesDir: ['lib/modules/%release', 'usr/lib/modules/%release'],
  config: ['boot/config-%release', 'usr/lib/modules/%release/config'],
};

async function locate(dir: string, release: string) {
  const find = (what: keyof typeof PLACES): string => {
    const paths = PLACES[what].map(place => join(dir, place.replace('%release', release)));
    const found = paths.find(path => existsSync(path));
    if (found) return found;
    throw new SystemError('KERNEL_LAYOUT', {
      action: `find the ${what} of ${release}`,
      actual: `the package has none of ${PLACES[what].join(', ')}`,
      wanted: 'a layout that this lab knows (KERNEL_ORIGINS, PLACES in kernels.ts)',
    });
  };
  return { vmlinuz: find('vmlinuz'), modulesDir: find('modulesDir'), config: find('config') };
}

async function openKernel(dir: string): Promise<Kernel> {
  const record = JSON.parse(await readFile(join(dir, 'record.json'), 'utf8')) as KernelRecord;
  const { release, packageVersion, vmlinuzSha256: sha256 } = record;
  return { release, packageVersion, dir, ...(await locate(dir, release)), sha256, record };
}

/** The one fetched last: a series only moves forward. */
async function newestCached(
  cache: Cache,
  { series, flavour, architecture = HOST_ARCHITECTURE }: KernelChoice,
): Promise<Kernel | undefined> {
  const dir = kernelsDir(cache);
  const names = existsSync(dir) ? await readdir(dir) : [];
  const whole = names.filter(
    name => !/\.(?:partial|old)$/.test(name) && existsSync(join(dir, name, 'record.json')),
  );
  const kernels = await Promise.all(whole.map(name => openKernel(join(dir, name))));
  return kernels
    .filter(({ record }) => record.series === series && record.flavour === flavour)
    .filter(({ record }) => architectureOf(record) === architecture)
    .sort((a, b) => a.record.fetchedAt.localeCompare(b.record.fetchedAt))
    .at(-1);
}

/** @param release 6.12.107+deb12-cloud-arm64, 6.12.107+deb12-arm64-16k */
export function architectureOf({ release }: Pick<KernelRecord, 'release'>): string {
  return release.split('-').findLast(word => word in TRIPLETS) ?? HOST_ARCHITECTURE;
}

async function largestFile(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  const sized = await Promise.all(paths.map(async path => ({ path, sizeBytes: (await stat(path)).size })));
  return sized.reduce((largest, file) => (file.sizeBytes > largest.sizeBytes ? file : largest)).path;
}

function kernelsDir(cache: Cache): string {
  return join(cache.dir, 'kernels');
}

/** A version may hold a colon (epoch), which PATH-like lists and QEMU's options split at. */
function fileSafe(version: string): string {
  return version.replaceAll(/[^\w.+~-]/g, '_');
}
