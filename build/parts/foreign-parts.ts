/**
 * The parts of a build for another architecture than this machine's: Debian's packages of it, unpacked into the cache, and
 * the npm packages with Node and koffi. Nothing of it runs here.
 */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { $ } from 'zx';
import { announced, type Cache, publishDir, withLock } from '../cache.ts';
import { discard, downloadClosure, openApt, resolvePackages } from '../fetch/apt.ts';
import { unpackDebs } from '../fetch/deb.ts';
import { fetchNpmPackage } from '../fetch/npm.ts';
import { ensureHostPackages, findCommand, HOST_PACKAGES } from '../host/host-packages.ts';
import { DIST } from '../paths.ts';
import type { DebianPackage } from './debian-packages.ts';
import type { Parts } from './parts.ts';
import type { Platform } from './platform.ts';

/** The oldest supported Debian: its libraries ask least of nothing else, because the image holds them all. */
const SUITE = 'bookworm';
const PACKAGES: readonly string[] = [
  'busybox-static',
  'e2fsprogs',
  'libstdc++6',
  ...HOST_PACKAGES.filter(({ provides }) => 'library' in provides).map(({ name }) => name),
];
const COMMAND_FOLDERS = ['bin', 'sbin', 'usr/bin', 'usr/sbin'];
const RECORD = 'record.json';

/** What the tree holds: path in it -> index of its package. */
interface Tree {
  readonly wanted: readonly string[];
  readonly packages: readonly DebianPackage[];
  readonly files: Readonly<Record<string, number>>;
}

export async function foreignParts(cache: Cache, platform: Platform): Promise<Parts> {
  const { package: name, strip } = platform.crossBinutils;
  const binutils = { name, provides: { command: strip }, why: `a smaller Node for ${platform.debian}` };
  ensureHostPackages(join(cache.dir, 'host-packages.log'), cache.say, [binutils]);
  const node = await fetchNpmPackage(cache, `node-linux-${platform.node}`);
  const koffi = await fetchNpmPackage(cache, `@koromix/koffi-linux-${platform.node}`);
  const dir = await fetchTree(cache, platform);
  const root = join(dir, 'root');
  const { packages, files } = JSON.parse(readFileSync(join(dir, RECORD), 'utf8')) as Tree;
  const first = (paths: readonly string[]) =>
    paths.map(path => join(root, path)).find(path => existsSync(path));
  const library = (soname: string) =>
    first([`${platform.libraries}/${soname}`, `usr/${platform.libraries}/${soname}`]);
  return {
    platform,
    dist: join(DIST, platform.debian),
    isNative: false,
    node: join(node, 'bin', 'node'),
    koffi: join(koffi, `linux_${platform.node}`, 'koffi.node'),
    // By its folder: the path in the root of a machine is a link that may be absolute.
    loader: library(basename(platform.loader))!,
    strip: findCommand(strip)!,
    command: program => first(COMMAND_FOLDERS.map(folder => `${folder}/${program}`)),
    library,
    packagesOf: paths =>
      new Map(
        paths.flatMap(path => {
          const owner = files[relative(root, path)];
          return owner === undefined ? [] : [[path, packages[owner]!] as const];
        }),
      ),
  };
}

async function fetchTree(cache: Cache, { debian }: Platform): Promise<string> {
  const dir = join(cache.dir, 'parts', `${SUITE}-${debian}`);
  await withLock(cache, `parts-${debian}`, async () => {
    if (isWhole(dir)) return;
    const apt = await openApt(cache, SUITE, { architecture: debian });
    const wanted = await resolvePackages(apt, PACKAGES);
    const debs = await downloadClosure(apt, wanted);
    await publishDir(dir, partial =>
      announced(cache, `unpacking ${debs.length} packages of ${debian}`, async () => {
        await unpackDebs(debs, join(partial, 'root'));
        const tree: Tree = { wanted: PACKAGES, ...(await inventory(debs)) };
        await writeFile(join(partial, RECORD), `${JSON.stringify(tree)}\n`);
      }),
    );
    await discard(debs);
  });
  return dir;
}

/** A tree of an older list of packages is fetched again. */
function isWhole(dir: string): boolean {
  const path = join(dir, RECORD);
  if (!existsSync(path)) return false;
  return (JSON.parse(readFileSync(path, 'utf8')) as Tree).wanted.join() === PACKAGES.join();
}

async function inventory(debs: readonly string[]): Promise<Pick<Tree, 'packages' | 'files'>> {
  const packages: DebianPackage[] = [];
  const files: Record<string, number> = {};
  for (const deb of debs) {
    const fields = await $({ quiet: true })`dpkg-deb --show --showformat ${FORMAT} ${deb}`;
    const [name, version, architecture] = fields.stdout.trim().split('\t');
    const owner = packages.push({ name: name!, version: version!, architecture: architecture! }) - 1;
    const { stdout } = await $({ quiet: true })`dpkg-deb --fsys-tarfile ${deb} | tar -t`;
    for (const path of stdout.split('\n')) if (!path.endsWith('/')) files[path.replace(/^\.\//, '')] = owner;
  }
  return { packages, files };
}

const FORMAT = ['Package', 'Version', 'Architecture'].map(field => `\${${field}}`).join('\\t');
