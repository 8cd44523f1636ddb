/** debootstrap on the host: a whole root for this machine's architecture, or the unpacked base of another's. */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import type { Cache } from '../../build/cache.ts';
import { SystemError } from '../../capture/errors.ts';
import type { LabArch } from '../machine/arch.ts';
import { packagesOf } from './contents.ts';

export const SUITE = 'bookworm';

export interface DebootstrapRequest {
  readonly cache: Cache;
  readonly arch: LabArch;
  /** Whether its programs run on the host. If not, they are only unpacked, and a machine runs the second stage. */
  readonly isNative: boolean;
  readonly mirror: string;
  readonly root: string;
  readonly log: string;
}

/** @throws SystemError DEBOOTSTRAP with the reason of its log */
export async function debootstrap(request: DebootstrapRequest): Promise<void> {
  const { cache, arch, isNative, mirror, root, log } = request;
  const debs = join(cache.dir, 'debian', 'debootstrap-debs');
  await mkdir(debs, { recursive: true });
  const options = [
    '--variant=minbase',
    `--cache-dir=${debs}`,
    `--include=${packagesOf(arch).join(',')}`,
    ...(isNative ? [] : ['--foreign', `--arch=${arch.debian}`]),
  ];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const output = await $({
    env,
    nothrow: true,
    quiet: true,
  })`debootstrap ${options} ${SUITE} ${root} ${mirror} > ${log} 2>&1`;
  if (output.exitCode === 0) {
    if (!isNative) await trimLists(root);
    return;
  }
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  throw new SystemError('DEBOOTSTRAP', {
    action: 'make a Debian image',
    actual: lines.findLast(line => /^[EW]: /.test(line)) ?? lines.at(-1)!,
    wanted: 'root, chroot and mount allowed, and a Debian mirror',
  });
}

/**
 * Leaves in the archive's lists the packages that are installed. The second stage reads the lists anew for most of what it
 * does, and all of Debian's packages take an emulated CPU half a minute each time.
 */
export async function trimLists(root: string): Promise<void> {
  const paths = await readFile(join(root, 'debootstrap/debpaths'), 'utf8');
  const installed = new Set(paths.split('\n').map(line => line.split(' ')[0]!));
  const folder = join(root, 'var/lib/apt/lists');
  for (const name of (await readdir(folder)).filter(file => file.endsWith('_Packages'))) {
    const records = (await readFile(join(folder, name), 'utf8')).split(/\n\n+/);
    const kept = records.filter(record => installed.has(/^Package: (.*)$/m.exec(record)?.[1] ?? ''));
    await writeFile(join(folder, name), kept.map(record => `${record.trimEnd()}\n\n`).join(''));
  }
}
