/** A kernel of one's own, for trying `--kernel PATH`: Debian's source, configured for the lab and for nothing else. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { announced, type Cache, withLock } from '../../build/cache.ts';
import { openApt, resolvePackage } from '../../build/fetch/apt.ts';
import { runInTree, unpackBuildTree, unpackedBuildTree } from '../../build/fetch/build-tree.ts';

const SOURCE = 'linux-source-6.1';
const BUILD_DEPENDS =
  'gcc flex bison libelf-dev bc perl diffutils gzip xz-utils tar kmod cpio debianutils bash'.split(' ');
/** What `make tinyconfig` lacks. */
const CONFIG = join(import.meta.dirname, 'tiny.config');

/** Returns the build directory. Ten minutes on two CPUs, once. */
export async function buildTinyKernel(cache: Cache): Promise<string> {
  const dir = join(cache.dir, 'sources', SOURCE);
  return withLock(cache, `source-${SOURCE}`, async () => {
    const root = unpackedBuildTree(dir) ?? (await unpackSource(cache, dir));
    const build = join(root, 'usr/src', SOURCE);
    if (existsSync(join(build, 'arch/x86/boot/bzImage')) && isConfigured(build)) return build;
    await announced(cache, 'building a kernel (about ten minutes)', async () => {
      if (!existsSync(build)) await inSources(root, `tar -xf ${SOURCE}.tar.xz`);
      copyFileSync(CONFIG, join(build, 'lab.config'));
      const configure = 'make tinyconfig && scripts/kconfig/merge_config.sh .config lab.config';
      await inSources(root, `cd ${SOURCE} && ${configure} && make -j${cpus().length} bzImage modules`);
    });
    return build;
  });
}

async function unpackSource(cache: Cache, dir: string): Promise<string> {
  const apt = await openApt(cache, 'bookworm');
  return unpackBuildTree(apt, dir, await resolvePackage(apt, SOURCE), BUILD_DEPENDS);
}

function inSources(root: string, command: string): Promise<void> {
  return runInTree(root, `build ${SOURCE}`, `cd /usr/src && { ${command}; } > /dev/null`);
}

function isConfigured(build: string): boolean {
  const merged = join(build, 'lab.config');
  return existsSync(merged) && readFileSync(merged, 'utf8') === readFileSync(CONFIG, 'utf8');
}
