/** The files of a package, for any distribution: dist/ with its own runtime, units, commands, documentation. */
import {
  chmodSync,
  cpSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { programIn } from '../../initrd/image.ts';
import { CONFIG_PATH } from '../../scripts/lib/config/config.ts';
import { PACKAGED_CONFIG } from '../../scripts/lib/config/packaged-file.ts';
import { schemaFiles } from '../../scripts/lib/schema/documents.ts';
import type { Parts } from '../parts/parts.ts';
import { PROJECT } from '../paths.ts';
import { HOST_NODE_FLAGS, hostCommandFiles } from '../program.ts';
import { type Release, readChangelog } from './changelog.ts';
import { COMPLETION_LINKS, completionFiles, type ZshFolder } from './completion/completion.ts';
import { SCHEMA_FOLDER } from './man/json-page.ts';
import { manualFiles, writeFiles } from './man/manual.ts';
import { SBOM_NAME, sbom } from './sbom.ts';

const HOME = 'usr/lib/kdumpling';
export const DOCUMENTATION = 'usr/share/doc/kdumpling';
const SOURCES = import.meta.dirname;

export interface PackagedFile {
  /** Beside this file. `@word@`s in it are filled in. */
  readonly source: string;
  readonly path: string;
  readonly mode: number;
}

/** @param lib the distribution's folder for units and udev rules */
const commonFiles = (lib: string): readonly PackagedFile[] => [
  { source: 'files/kdumpling.sh', path: 'usr/sbin/kdumpling', mode: 0o755 },
  unit('kdumpling-load.service', lib),
  unit('kdumpling-reload.timer', lib),
  unit('kdumpling-reload.service', lib),
  unit('kdumpling-report.service', lib),
  {
    source: 'files/90-kdumpling.rules',
    path: `${lib}/udev/rules.d/90-kdumpling.rules`,
    mode: 0o644,
  },
  { source: '../../README.md', path: `${DOCUMENTATION}/README.md`, mode: 0o644 },
  { source: 'files/copyright', path: `${DOCUMENTATION}/copyright`, mode: 0o644 },
];

const LINKS: Readonly<Record<string, string>> = {
  'usr/sbin/kdump_helper': 'kdumpling',
  [`${HOME}/kdumpling`]: 'kdumpling.js',
  [`${HOME}/kdump_helper`]: 'kdumpling.js',
};

/** What is filled into the texts of a package. */
export interface Words extends Readonly<Record<string, string>> {
  readonly version: string;
  /** `NAME <ADDRESS>`. */
  readonly maintainer: string;
}

/** Where two distributions differ. */
export interface Distribution {
  /** Where it keeps what others have in /usr/lib: units and udev's rules. */
  readonly lib: string;
  readonly zsh: ZshFolder;
  readonly files: readonly PackagedFile[];
}

export interface PackageTree {
  readonly words: Words;
  /** Newest first. */
  readonly releases: readonly Release[];
}

/** Makes the tree anew, from a finished build. */
export async function makeTree(
  parts: Parts,
  tree: string,
  { lib, zsh, files }: Distribution,
): Promise<PackageTree> {
  const { dist, platform } = parts;
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, HOME), { recursive: true });
  for (const name of programNames(parts))
    cpSync(join(dist, name), join(tree, HOME, name), { recursive: true });
  const { version, author } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as Author;
  const releases = readChangelog(version);
  const words = {
    version,
    maintainer: author,
    loader: platform.loader.slice(1),
    libraries: platform.libraries,
    flags: HOST_NODE_FLAGS.join(' '),
    installed: String(Math.ceil(sizeOf(tree) / 1024)),
  };
  for (const file of [...commonFiles(lib), ...files]) place(tree, file, words);
  mkdirSync(join(tree, 'etc'), { recursive: true });
  writeFileSync(join(tree, CONFIG_PATH), PACKAGED_CONFIG);
  for (const [path, to] of Object.entries(LINKS)) symlinkSync(to, join(tree, path));
  const { date } = releases[0]!;
  const manual = await manualFiles({ version, date: date.toISOString().slice(0, 10) });
  const pages = new Map([...manual].map(([path, text]) => [`man/${path}.gz`, gzipSync(text, { level: 9 })]));
  writeFiles(join(tree, 'usr/share'), pages);
  writeFiles(join(tree, SCHEMA_FOLDER), schemaFiles());
  writeFiles(join(tree, 'usr/share'), await completionFiles(zsh));
  for (const [path, to] of Object.entries(COMPLETION_LINKS)) symlinkSync(to, join(tree, 'usr/share', path));
  writeFileSync(join(tree, DOCUMENTATION, SBOM_NAME), sbom(parts, date));
  return { words, releases };
}

interface Author {
  readonly version: string;
  readonly author: string;
}

/** Puts a text file in its place. */
export function place(tree: string, { source, path, mode }: PackagedFile, words: Words): void {
  const target = join(tree, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, filled(source, words));
  chmodSync(target, mode);
}

/** A text beside this file, with its `@word@`s filled in. */
export function filled(source: string, words: Words): string {
  const text = readFileSync(join(SOURCES, source), 'utf8');
  return text.replace(/@(\w+)@/g, (whole, word) => words[word] ?? whole);
}

/** Sets modes and times that do not depend on who builds the package, and when. */
export function settle(directory: string, seconds: number): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) settle(path, seconds);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o111 ? 0o755 : 0o644);
    lutimesSync(path, seconds, seconds);
  }
  chmodSync(directory, 0o755);
  lutimesSync(directory, seconds, seconds);
}

function unit(name: string, lib: string): PackagedFile {
  return { source: `files/${name}`, path: `${lib}/systemd/system/${name}`, mode: 0o644 };
}

/** The entries of the build's folder that a host needs: the parts of an initrd, and the host command. */
function programNames(parts: Parts): string[] {
  const program = Object.values(programIn(parts.dist)).map(path => basename(path));
  return [...new Set([...program, ...hostCommandFiles(parts), 'runtime'])].sort();
}

function sizeOf(directory: string): number {
  return readdirSync(directory, { withFileTypes: true })
    .map(entry => join(directory, entry.name))
    .reduce((sum, path) => sum + (statSync(path).isDirectory() ? sizeOf(path) : statSync(path).size), 0);
}
