/** The Debian package, made by dpkg-deb alone. The same input gives the same bytes. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { $ } from 'zx';
import { replaceFileMadeBy } from '../../capture/storage/place/durable-file.ts';
import { buildingInDist } from '../dist-lock.ts';
import type { Parts } from '../parts/parts.ts';
import { DIST } from '../paths.ts';
import { debianChangelog } from './changelog.ts';
import { DOCUMENTATION, makeTree, type PackagedFile, place, settle } from './tree.ts';

/** For lintian. The file gives a reason for each. */
const OVERRIDES = {
  source: 'debian/lintian-overrides',
  path: 'usr/share/lintian/overrides/kdumpling',
  mode: 0o644,
};

const FILES: readonly PackagedFile[] = [
  // Runs after the hook that makes the kernel's own initrd.
  { source: 'debian/kernel-postinst', path: 'etc/kernel/postinst.d/kdumpling', mode: 0o755 },
  { source: 'debian/kernel-postrm', path: 'etc/kernel/postrm.d/kdumpling', mode: 0o755 },
  OVERRIDES,
];

const CONTROL: Readonly<Record<string, number>> = {
  control: 0o644,
  conffiles: 0o644,
  postinst: 0o755,
  prerm: 0o755,
  postrm: 0o755,
};

/** Builds dist/kdumpling_VERSION_ARCH.deb from a finished build. Returns its path. */
export function buildDeb(parts: Parts, say: (line: string) => void): Promise<string> {
  return buildingInDist(say, () => build(parts));
}

async function build(parts: Parts): Promise<string> {
  const architecture = parts.platform.debian;
  const tree = join(DIST, 'deb.partial');
  const { words: common, releases } = await makeTree(parts, tree, {
    lib: 'lib',
    zsh: 'vendor-completions',
    files: FILES,
  });
  const words = { ...common, architecture };
  for (const [name, mode] of Object.entries(CONTROL))
    place(tree, { source: `debian/${name}`, path: `DEBIAN/${name}`, mode }, words);
  const changelog = debianChangelog(releases, words.maintainer);
  writeFileSync(join(tree, DOCUMENTATION, 'changelog.gz'), gzipSync(changelog, { level: 9 }));
  writeFileSync(join(tree, 'DEBIAN/md5sums'), digests(tree));
  const seconds = releases[0]!.date.getTime() / 1000;
  settle(tree, seconds);

  const deb = join(DIST, `kdumpling_${words.version}_${architecture}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(seconds) };
  // zstd: Debian 12's dpkg reads it, and the runtime image does not shrink anyway. The control files stay xz.
  const flags = ['--root-owner-group', '--no-uniform-compression', '-Zzstd', '-z9', '--threads-max=1'];
  await replaceFileMadeBy(
    deb,
    temporary => $({ env, quiet: true })`dpkg-deb ${flags} --build ${tree} ${temporary}`,
  );
  rmSync(tree, { recursive: true, force: true });
  return deb;
}

/** `MD5  PATH` of every file, for dpkg --verify (deb-md5sums(5)). */
function digests(tree: string): string {
  const entries = readdirSync(tree, { recursive: true, withFileTypes: true });
  const files = entries
    .filter(entry => entry.isFile())
    .map(entry => relative(tree, join(entry.parentPath, entry.name)))
    .filter(path => !path.startsWith('DEBIAN/'));
  const digest = (path: string) =>
    createHash('md5')
      .update(readFileSync(join(tree, path)))
      .digest('hex');
  return files
    .sort()
    .map(path => `${digest(path)}  ${path}\n`)
    .join('');
}
