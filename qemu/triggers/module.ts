/** The lab's module that breaks the kernel, built for the kernel that is to crash. */
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announced, type Cache, publishDir, withLock } from '../../build/cache.ts';
import type { LabKernel } from '../kernel/lab-kernel.ts';

const SOURCE = join(import.meta.dirname, 'module');
const FILE = 'kdumpling_lab.ko';
/** In the guest. */
export const CRASH_MODULE = `/${FILE}`;

/** Returns the module's path in the cache. Built once for each kernel and source. */
export async function buildCrashModule(cache: Cache, kernel: LabKernel): Promise<string> {
  const dir = join(cache.dir, 'modules', `${kernel.release}-${kernel.sha256.slice(0, 12)}-${sourceDigest()}`);
  const module = join(dir, FILE);
  return withLock(cache, `module-${kernel.release}`, async () => {
    if (existsSync(module)) return module;
    const folder = mkdtempSync(join(tmpdir(), 'kdumpling-module-'));
    try {
      cpSync(SOURCE, folder, { recursive: true });
      await announced(cache, `building the crash module for ${kernel.release}`, () =>
        kernel.makeModules(folder),
      );
      await publishDir(dir, async partial => copyFileSync(join(folder, FILE), join(partial, FILE)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return module;
  });
}

function sourceDigest(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(SOURCE).sort()) hash.update(readFileSync(join(SOURCE, name)));
  return hash.digest('hex').slice(0, 12);
}
