/** The Debian package. dpkg-deb is all it takes; same input, same bytes. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { $ } from 'zx';
import { replaceFileMadeBy } from '../../capture/storage/place/durable-file.ts';
import { buildingInDist } from '../dist-lock.ts';
import { DIST } from '../paths.ts';
import { filled, makeTree, type PackagedFile, place, settle } from './tree.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const FILES: readonly PackagedFile[] = [
  // Before zz-update-grub, whose menu is not concerned, and after the kernel's own initrd.
  { source: 'debian/kernel-postinst', path: 'etc/kernel/postinst.d/kdumpling', mode: 0o755 },
  { source: 'debian/kernel-postrm', path: 'etc/kernel/postrm.d/kdumpling', mode: 0o755 },
];

const CONTROL: Readonly<Record<string, number>> = {
  control: 0o644,
  conffiles: 0o644,
  postinst: 0o755,
  prerm: 0o755,
  postrm: 0o755,
};

/** Builds dist/kdumpling_VERSION_ARCH.deb from a finished dist/. Returns its path. */
export function buildDeb(say: (line: string) => void): Promise<string> {
  return buildingInDist(say, build);
}

async function build(): Promise<string> {
  const architecture = ARCHITECTURES[process.arch]!;
  const tree = join(DIST, 'deb.partial');
  const words = { ...makeTree(tree, 'lib', FILES), architecture };
  for (const [name, mode] of Object.entries(CONTROL))
    place(tree, { source: `debian/${name}`, path: `DEBIAN/${name}`, mode }, words);
  const changelog = filled('debian/changelog', words);
  writeFileSync(join(tree, 'usr/share/doc/kdumpling/changelog.gz'), gzipSync(changelog, { level: 9 }));
  const seconds = dateOf(changelog);
  settle(tree, seconds);

  const deb = join(DIST, `kdumpling_${words.version}_${architecture}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(seconds) };
  // zstd: Debian 12's dpkg reads it, and the runtime image does not shrink anyway.
  const flags = ['--root-owner-group', '-Zzstd', '-z9', '--threads-max=1'];
  await replaceFileMadeBy(
    deb,
    temporary => $({ env, quiet: true })`dpkg-deb ${flags} --build ${tree} ${temporary}`,
  );
  rmSync(tree, { recursive: true, force: true });
  return deb;
}

/** Of the newest entry of a Debian changelog, in seconds since 1970: what Debian's own tools date a package by. */
function dateOf(changelog: string): number {
  return Date.parse(/^ -- .*> {2}(.*)$/m.exec(changelog)![1]) / 1000;
}
