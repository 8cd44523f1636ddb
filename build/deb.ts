/** The Debian package: dist/ with its own runtime, the units, the hooks. dpkg-deb is all it takes; same input, same bytes. */
import {
  chmodSync,
  cpSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { $ } from 'zx';
import { programIn } from '../initrd/image.ts';
import { buildingInDist } from './dist-lock.ts';
import { DIST, PROJECT } from './paths.ts';
import { HOST_COMMAND_FILES, HOST_NODE_FLAGS, programVersion } from './program.ts';
import { LIBRARY_FOLDERS } from './runtime.ts';
import { hostLoader } from './shared-libraries.ts';

const HOME = 'usr/lib/kdumpling';
const SOURCES = join(PROJECT, 'build/debian');
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

interface PackagedFile {
  /** In build/debian/. */
  readonly source: string;
  readonly path: string;
  readonly mode: number;
}

const FILES: readonly PackagedFile[] = [
  { source: 'kdumpling.sh', path: 'usr/sbin/kdumpling', mode: 0o755 },
  { source: 'kdump.conf', path: 'etc/kdump.conf', mode: 0o644 },
  { source: 'kdumpling-load.service', path: 'lib/systemd/system/kdumpling-load.service', mode: 0o644 },
  { source: 'kdumpling-report.service', path: 'lib/systemd/system/kdumpling-report.service', mode: 0o644 },
  { source: '90-kdumpling.rules', path: 'lib/udev/rules.d/90-kdumpling.rules', mode: 0o644 },
  // Before zz-update-grub, whose menu is not concerned, and after the kernel's own initrd.
  { source: 'kernel-postinst', path: 'etc/kernel/postinst.d/kdumpling', mode: 0o755 },
  { source: 'kernel-postrm', path: 'etc/kernel/postrm.d/kdumpling', mode: 0o755 },
  { source: '../../README.md', path: 'usr/share/doc/kdumpling/README.md', mode: 0o644 },
  { source: 'copyright', path: 'usr/share/doc/kdumpling/copyright', mode: 0o644 },
];

const LINKS: Readonly<Record<string, string>> = {
  'usr/sbin/kdump_helper': 'kdumpling',
  [`${HOME}/kdumpling`]: 'kdumpling.js',
  [`${HOME}/kdump_helper`]: 'kdumpling.js',
};

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
  const architecture = ARCHITECTURES[process.arch];
  const version = programVersion();
  const tree = join(DIST, 'deb.partial');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, HOME), { recursive: true });
  for (const name of programNames()) cpSync(join(DIST, name), join(tree, HOME, name), { recursive: true });
  const words = {
    version,
    architecture,
    loader: hostLoader().slice(1),
    libraries: LIBRARY_FOLDERS[process.arch],
    flags: HOST_NODE_FLAGS.join(' '),
    installed: String(Math.ceil(sizeOf(tree) / 1024)),
  };
  for (const { source, path, mode } of FILES) place(join(SOURCES, source), join(tree, path), mode, words);
  for (const [path, to] of Object.entries(LINKS)) symlinkSync(to, join(tree, path));
  for (const [name, mode] of Object.entries(CONTROL))
    place(join(SOURCES, name), join(tree, 'DEBIAN', name), mode, words);
  const changelog = filled(readFileSync(join(SOURCES, 'changelog'), 'utf8'), words);
  writeFileSync(join(tree, 'usr/share/doc/kdumpling/changelog.gz'), gzipSync(changelog, { level: 9 }));
  const seconds = dateOf(changelog);
  settle(tree, seconds);

  const deb = join(DIST, `kdumpling_${version}_${architecture}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(seconds) };
  // zstd: Debian 12's dpkg reads it, and the runtime image does not shrink anyway.
  const flags = ['--root-owner-group', '-Zzstd', '-z9', '--threads-max=1'];
  await $({ env, quiet: true })`dpkg-deb ${flags} --build ${tree} ${deb}.partial`;
  renameSync(`${deb}.partial`, deb);
  rmSync(tree, { recursive: true, force: true });
  return deb;
}

/** What dist/ has that a host needs: what goes into an initrd, and the host command. */
function programNames(): string[] {
  const parts = Object.values(programIn(DIST)).map(path => basename(path));
  return [...new Set([...parts, ...HOST_COMMAND_FILES, 'runtime'])].sort();
}

/** Puts a text file in its place, its `@word@`s filled in. */
function place(source: string, target: string, mode: number, words: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, filled(readFileSync(source, 'utf8'), words));
  chmodSync(target, mode);
}

function filled(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/@(\w+)@/g, (whole, word) => words[word] ?? whole);
}

/** Of the newest entry of a Debian changelog, in seconds since 1970: what Debian's own tools date a package by. */
function dateOf(changelog: string): number {
  return Date.parse(/^ -- .*> {2}(.*)$/m.exec(changelog)![1]) / 1000;
}

/** Modes and times that do not depend on who built it and when. */
function settle(directory: string, seconds: number): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) settle(path, seconds);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o111 ? 0o755 : 0o644);
    lutimesSync(path, seconds, seconds);
  }
  chmodSync(directory, 0o755);
  lutimesSync(directory, seconds, seconds);
}

function sizeOf(directory: string): number {
  return readdirSync(directory, { withFileTypes: true })
    .map(entry => join(directory, entry.name))
    .reduce((sum, path) => sum + (statSync(path).isDirectory() ? sizeOf(path) : statSync(path).size), 0);
}
