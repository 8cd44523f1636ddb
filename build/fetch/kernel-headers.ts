/** What modules for a stock kernel are built with: its headers, and the compiler that built it. */
import { join } from 'node:path';
import { SystemError } from '../../capture/errors.ts';
import { type Cache, withLock } from '../cache.ts';
import { findPackage, openApt } from './apt.ts';
import { runInTree, unpackBuildTree, unpackedBuildTree } from './build-tree.ts';
import type { Kernel } from './kernels.ts';

/** Returns the tree's root. Some 80 MB to download and 300 MB on disk, once for each kernel. */
export async function fetchKernelHeaders(cache: Cache, { release, record }: Kernel): Promise<string> {
  const { packageVersion, suite } = record;
  const dir = join(cache.dir, 'headers', `${release}_${packageVersion.replaceAll(/[^\w.+~-]/g, '_')}`);
  return withLock(cache, `headers-${release}`, async () => {
    const present = unpackedBuildTree(dir);
    if (present) return present;
    const apt = await openApt(cache, suite);
    const headers = await findPackage(apt, `linux-headers-${release}`, packageVersion);
    if (headers) return unpackBuildTree(apt, dir, headers);
    throw new SystemError('NO_HEADERS', {
      action: `fetch the headers of ${release}`,
      actual: `${suite} no longer has version ${packageVersion}`,
      wanted: 'a refreshed kernel (the archive keeps the newest ones only)',
    });
  });
}

/** Runs kbuild on a folder below /tmp with a Makefile and the module's source. The folder gets the module. */
export function makeModules(root: string, { release }: Kernel, folder: string): Promise<void> {
  const make = `make -C /usr/src/linux-headers-${release} M=${folder} modules`;
  return runInTree(root, `build the modules in ${folder} for ${release}`, make);
}
