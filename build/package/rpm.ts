/** The package for Fedora and related distributions, made by Debian's rpmbuild. The same input gives the same bytes. */
import { globSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { $ } from 'zx';
import { replaceFileMadeBy } from '../../capture/storage/place/durable-file.ts';
import { buildingInDist } from '../dist-lock.ts';
import type { Tool } from '../fetch/tools.ts';
import type { Parts } from '../parts/parts.ts';
import { DIST } from '../paths.ts';
import { rpmChangelog } from './changelog.ts';
import { filled, makeTree, type PackagedFile } from './tree.ts';

const FILES: readonly PackagedFile[] = [
  // Runs after the scripts that make the kernel's own initrd and its boot entry.
  {
    source: 'fedora/95-kdumpling.install',
    path: 'usr/lib/kernel/install.d/95-kdumpling.install',
    mode: 0o755,
  },
  { source: '../../LICENSE', path: 'usr/share/licenses/kdumpling/LICENSE', mode: 0o644 },
];

/** Builds dist/kdumpling-VERSION-1.ARCH.rpm from a finished build. Returns its path. */
export function buildRpm(parts: Parts, rpmbuild: Tool, say: (line: string) => void): Promise<string> {
  return buildingInDist(say, () => build(parts, rpmbuild));
}

async function build(parts: Parts, { argv, env }: Tool): Promise<string> {
  const work = join(DIST, 'rpm.partial');
  const tree = join(work, 'tree');
  const { words, releases } = await makeTree(parts, tree, {
    lib: 'usr/lib',
    zsh: 'site-functions',
    files: FILES,
  });
  const changelog = rpmChangelog(releases, words.maintainer);
  writeFileSync(join(work, 'kdumpling.spec'), filled('fedora/kdumpling.spec', { ...words, changelog }));
  const seconds = String(releases[0]!.date.getTime() / 1000);
  const defines = Object.entries({
    _topdir: work,
    tree,
    _buildhost: 'localhost',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
  }).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await $({
    // It reads ~/.rpmmacros, and writes nothing there.
    env: { ...process.env, ...env, HOME: work, LC_ALL: 'C', SOURCE_DATE_EPOCH: seconds },
    quiet: true,
  })`${[...argv, '-bb', '--quiet', '--target', parts.platform.rpm, ...defines, join(work, 'kdumpling.spec')]}`;
  const [built] = globSync('RPMS/*/*.rpm', { cwd: work });
  const rpm = join(DIST, basename(built!));
  await replaceFileMadeBy(rpm, temporary => rename(join(work, built!), temporary));
  rmSync(work, { recursive: true, force: true });
  return rpm;
}
