/**
 * Packages that the guest can install without a network: an apt repository with packages from Debian's archive and our
 * own, on a second disk.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { $ } from 'zx';
import { announced, type Cache, publishDir, requireSpace, withLock } from '../../build/cache.ts';
import { downloadClosure, openApt, resolvePackages } from '../../build/fetch/apt.ts';
import { tool } from '../disks/file-systems.ts';
import type { LabArch } from '../machine/arch.ts';
import { SUITE } from './debootstrap.ts';

/** The newer kernel that users of Debian 12 install. */
export const newerKernel = ({ debian }: LabArch): string => `linux-image-6.12-cloud-${debian}`;
// kdump-tools only recommends makedumpfile, and copies all memory without it.
const wantedFor = (arch: LabArch) => [newerKernel(arch), 'kdump-tools', 'makedumpfile', 'xz-utils'];
const SPACE_BYTES = 400e6;

/** The packages with all dependencies, fetched once and kept, since old versions disappear from the archive. */
export async function fetchRepository(cache: Cache, arch: LabArch): Promise<string> {
  const wanted = wantedFor(arch);
  const digest = createHash('sha256').update(wanted.join(' ')).digest('hex').slice(0, 12);
  const dir = join(cache.dir, 'debian', `repository-${digest}`);
  return withLock(cache, 'debian-repository', async () => {
    if (existsSync(join(dir, 'Packages'))) return dir;
    await requireSpace(cache, SPACE_BYTES, 'the guest’s packages');
    const apt = await openApt(cache, SUITE, { architecture: arch.debian });
    const packages = await resolvePackages(apt, wanted);
    const debs = await downloadClosure(apt, packages);
    await publishDir(dir, async partial => {
      for (const deb of debs) await rename(deb, join(partial, basename(deb)));
      await announced(cache, 'indexing the guest’s packages', () => indexPackages(partial));
    });
    return dir;
  });
}

/** Makes a disk image with the repository, and our package as a file beside it. */
export async function makePackagesDisk(path: string, repository: string, deb: string): Promise<void> {
  const staging = `${path}.d`;
  await mkdir(staging);
  cpSync(repository, join(staging, 'repository'), { recursive: true });
  await copyFile(deb, join(staging, basename(deb)));
  const bytes = readdirSync(staging, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  const sizeMib = Math.ceil(bytes / (1 << 20)) + 64;
  await tool('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'packages', '-d', staging, path, `${sizeMib}M`]);
  await rm(staging, { recursive: true });
}

/** Writes the index that apt reads (deb822): the packages' control fields, with path, size and digest of each file. */
async function indexPackages(dir: string): Promise<void> {
  const records: string[] = [];
  for (const name of readdirSync(dir)
    .filter(file => file.endsWith('.deb'))
    .sort()) {
    const path = join(dir, name);
    const { stdout } = await $({ quiet: true })`dpkg-deb -f ${path}`;
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    const { size } = statSync(path);
    records.push(`${stdout.trimEnd()}\nFilename: ./${name}\nSize: ${size}\nSHA256: ${sha256}\n`);
  }
  writeFileSync(join(dir, 'Packages'), records.join('\n'));
}
