/** What modules for a stock kernel are built with: its headers, and the compiler that built it. */
import { join } from 'node:path';
import { SystemError } from '../../capture/errors.ts';
import { type Cache, withLock } from '../cache.ts';
import { type Apt, findPackage, HOST_ARCHITECTURE, openApt } from './apt.ts';
import type { PackageInfo } from './apt-output.ts';
import { TRIPLETS } from './architectures.ts';
import { type BuildTree, runInTree, unpackBuildTree, unpackedBuildTree } from './build-tree.ts';
import { architectureOf, type Kernel } from './kernels.ts';

/** Returns the tree's root. Some 80 MB to download and 300 MB on disk, once for each kernel. */
export async function fetchKernelHeaders(cache: Cache, { release, record }: Kernel): Promise<string> {
  const { packageVersion, suite } = record;
  const architecture = architectureOf(record);
  const dir = join(cache.dir, 'headers', `${release}_${packageVersion.replaceAll(/[^\w.+~-]/g, '_')}`);
  return withLock(cache, `headers-${release}`, async () => {
    const present = unpackedBuildTree(dir);
    if (present) return present;
    const apt = await openApt(cache, suite);
    const isNative = architecture === HOST_ARCHITECTURE;
    const headersApt = isNative ? apt : await openApt(cache, suite, { architecture });
    const main = await findPackage(headersApt, `linux-headers-${release}`, packageVersion);
    if (main) return unpackBuildTree(apt, dir, isNative ? { main } : crossTree(main, headersApt));
    throw new SystemError('NO_HEADERS', {
      action: `fetch the headers of ${release}`,
      actual: `${suite} no longer has version ${packageVersion}`,
      wanted: 'a refreshed kernel (the archive keeps the newest ones only)',
    });
  });
}

/** Beside the headers of another architecture, this machine's kbuild, and the cross compiler of the version that they name. */
export function crossTree(main: PackageInfo, foreign: Apt): BuildTree {
  const others = main.depends.flatMap(name => {
    if (/^linux-(?:kbuild-.*|headers-.*-common)$/.test(name)) return [name];
    const compiler = /^gcc-\d+/.exec(name)?.[0];
    return compiler ? [`${compiler}-${TRIPLETS[foreign.architecture]}`] : [];
  });
  return { main, foreign, others };
}

/** Runs kbuild on a folder below /tmp with a Makefile and the module's source. The folder gets the module. */
export function makeModules(root: string, { release, record }: Kernel, folder: string): Promise<void> {
  const make = [
    `make -C /usr/src/linux-headers-${release} M=${folder} modules`,
    ...crossVariables(architectureOf(record)),
  ].join(' ');
  return runInTree(root, `build the modules in ${folder} for ${release}`, make);
}

/** Headers from 6.12 on name the cross compiler by themselves; 6.1's do when they know that they are on another architecture. */
export function crossVariables(architecture: string): string[] {
  if (architecture === HOST_ARCHITECTURE) return [];
  return [
    `DEB_BUILD_ARCH=${HOST_ARCHITECTURE}`,
    `DEB_HOST_ARCH=${architecture}`,
    `DEB_HOST_GNU_TYPE=${TRIPLETS[architecture]}`,
  ];
}
