/**
 * What modules for a stock kernel are built with: the kernel's headers and the compiler that built the kernel, unpacked
 * with all that they depend on into a tree of their own. kbuild and the compiler find their parts by absolute paths, so
 * that `make` runs in the tree by chroot.
 */
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';
import { announced, type Cache, publishDir, withLock } from '../cache.ts';
import { discard, downloadClosure, findPackage, openApt, resolvePackage } from './apt.ts';
import { unpackDebs } from './deb.ts';
import type { Kernel } from './kernels.ts';

/** Debian takes these for granted: no package depends on them. */
const BUILD_TOOLS = ['make', 'dash', 'coreutils', 'sed', 'grep', 'mawk', 'findutils', 'libc6-dev'];
/** Before and after the merge of / and /usr, one tree. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
/** The host's, while a module is built. */
const MOUNTED = ['dev', 'proc', 'tmp'];

/** Returns the tree's root. Some 100 MB to download and 500 MB on disk, once for each kernel. */
export async function fetchKernelHeaders(cache: Cache, { release, record }: Kernel): Promise<string> {
  const dir = join(cache.dir, 'headers', `${release}_${record.packageVersion.replaceAll(/[^\w.+~-]/g, '_')}`);
  const root = join(dir, 'root');
  return withLock(cache, `headers-${release}`, async () => {
    if (existsSync(join(dir, 'record.json'))) return root;
    const apt = await openApt(cache, record.suite);
    const headers = await findPackage(apt, `linux-headers-${release}`, record.packageVersion);
    if (!headers) {
      throw new SystemError('NO_HEADERS', {
        action: `fetch the headers of ${release}`,
        actual: `${record.suite} no longer has version ${record.packageVersion}`,
        wanted: 'a refreshed kernel (the archive keeps the newest ones only)',
      });
    }
    const tools = await Promise.all(BUILD_TOOLS.map(name => resolvePackage(apt, name)));
    const debs = await downloadClosure(apt, [headers, ...tools]);
    await publishDir(dir, partial =>
      announced(cache, `unpacking the headers of ${release}`, async () => {
        const partialRoot = join(partial, 'root');
        for (const name of MERGED) {
          await mkdir(join(partialRoot, 'usr', name), { recursive: true });
          await symlink(`usr/${name}`, join(partialRoot, name));
        }
        await unpackDebs(debs, partialRoot);
        await symlink('mawk', join(partialRoot, 'usr/bin/awk'));
        for (const name of MOUNTED) await mkdir(join(partialRoot, name), { recursive: true });
        const { name, version, sha256 } = headers;
        const facts = {
          package: name,
          version,
          sha256,
          suite: apt.suite,
          fetchedAt: new Date().toISOString(),
        };
        await writeFile(join(partial, 'record.json'), `${JSON.stringify(facts, null, 2)}\n`);
      }),
    );
    await discard(debs);
    return root;
  });
}

/**
 * Runs kbuild on a folder with a Makefile and the module's source, which gets the module. Mounts are private to the
 * process and end with it.
 */
export async function makeModules(root: string, { release }: Kernel, folder: string): Promise<void> {
  const mounts = MOUNTED.map(name => `mount --rbind /${name} ${join(root, name)} && `).join('');
  const make = `make -C /usr/src/linux-headers-${release} M=${folder} modules`;
  const script = `${mounts}exec chroot ${root} /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/tmp ${make}`;
  const output = await $({ nothrow: true, quiet: true })`unshare --mount sh -c ${script}`;
  if (output.exitCode === 0) return;
  throw new SystemError('MODULE_BUILD', {
    action: `build the modules in ${folder} for ${release}`,
    actual: output.stderr.trim().split('\n').slice(0, 3).join(' | ') || `make ended with ${output.exitCode}`,
    wanted: 'a source that compiles with these headers',
  });
}
