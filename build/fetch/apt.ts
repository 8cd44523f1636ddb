/**
 * An apt of our own for each suite: lists, cache, status and sources in the lab's cache, the system's untouched. It
 * reaches any suite from any Debian and needs no root.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { rm, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';
import { announced, type Cache, requireSpace, withLock } from '../cache.ts';
import { findCommand } from '../host/host-packages.ts';
import { writeAptConfiguration } from './apt-configuration.ts';
import {
  debFilename,
  explainApt,
  type PackageInfo,
  type PlannedFile,
  parsePrintUris,
  parseShow,
} from './apt-output.ts';
import type { SuiteName } from './sources.ts';

/** Package lists younger than this are not fetched again. Long enough for one set-up, too short to meet a 404. */
const LISTS_MAX_AGE_SECONDS = 3600;

export interface Apt {
  readonly cache: Cache;
  readonly suite: SuiteName;
  readonly architecture: string;
  readonly dir: string;
}

/** Debian's name of this machine's architecture. */
export const HOST_ARCHITECTURE: string = process.arch === 'x64' ? 'amd64' : process.arch;

/**
 * The suite's apt, its package lists fetched if they are old or `refresh` asks for it.
 * @param architecture Debian's name of the one whose packages it has.
 */
export async function openApt(
  cache: Cache,
  suite: SuiteName,
  { refresh = false, architecture = HOST_ARCHITECTURE } = {},
): Promise<Apt> {
  if (findCommand('apt-get') === undefined || findCommand('dpkg-deb') === undefined) {
    throw new SystemError('NO_APT', {
      action: `use Debian's ${suite}`,
      actual: 'there is no apt-get',
      wanted: 'this lab needs Debian’s apt (a Debian host)',
    });
  }
  const name = architecture === HOST_ARCHITECTURE ? suite : `${suite}-${architecture}`;
  const apt: Apt = { cache, suite, architecture, dir: join(cache.dir, 'apt', name) };
  await withLock(cache, `apt-${name}`, async () => {
    await writeAptConfiguration(apt.dir, suite, architecture);
    const stamp = join(apt.dir, 'updated');
    const fresh = existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < LISTS_MAX_AGE_SECONDS * 1000;
    if (fresh && !refresh) return;
    await announced(cache, `fetching the package lists of ${suite} (about 10 MB)`, () =>
      run(apt, `fetch the package lists of ${suite}`, ['apt-get', 'update', '-qq']),
    );
    await writeFile(stamp, '');
    await utimes(stamp, new Date(), new Date());
  });
  return apt;
}

/** The newest package of this name (or the one of this version). @throws SystemError NO_PACKAGE */
export async function resolvePackage(apt: Apt, name: string, version?: string): Promise<PackageInfo> {
  const [found] = await resolvePackages(apt, [name], version);
  return found!;
}

/** As resolvePackage, for all of `names` and in their order, by one run of apt-cache. */
export async function resolvePackages(
  apt: Apt,
  names: readonly string[],
  version?: string,
): Promise<PackageInfo[]> {
  const found = await findPackages(apt, names, version);
  return names.map((name, index) => {
    const info = found[index];
    if (info) return info;
    throw new SystemError('NO_PACKAGE', {
      action: `find the package ${name}${version ? ` ${version}` : ''}`,
      actual: `${apt.suite} has none`,
      wanted: 'a package of the archive (names change with the suites)',
    });
  });
}

/** As resolvePackage, and undefined when there is none. */
export async function findPackage(
  apt: Apt,
  name: string,
  version?: string,
): Promise<PackageInfo | undefined> {
  const [found] = await findPackages(apt, [name], version);
  return found;
}

async function findPackages(
  apt: Apt,
  names: readonly string[],
  version?: string,
): Promise<(PackageInfo | undefined)[]> {
  if (names.length === 0) return [];
  const wanted = names.map(name => (version ? `${name}=${version}` : name));
  const argv = ['apt-cache', 'show', '--no-all-versions', ...wanted];
  const { stdout } = await $({ env: environment(), nothrow: true, quiet: true })`${configured(apt, argv)}`;
  const shown = parseShow(stdout);
  return names.map(name =>
    shown.find(info => info.name === name && (version === undefined || info.version === version)),
  );
}

/** Fetches just these packages. Returns the files' paths; delete them when they are unpacked (`discard`). */
export async function downloadPackages(apt: Apt, packages: readonly PackageInfo[]): Promise<string[]> {
  const files = packages.map(info => ({ ...info, filename: debFilename(info) }));
  const names = packages.map(({ name, version }) => `${name}=${version}`);
  return withLock(apt.cache, `apt-${apt.suite}`, () =>
    download(apt, names.join(' '), files, ['apt-get', 'download', '-qq', ...names]),
  );
}

/**
 * Fetches packages with all that they depend on, as if nothing were installed. Returns the files' paths, in apt's
 * order. What was cut off is resumed here, which `apt-get download` does not do: it is also for single large packages.
 */
export async function downloadClosure(apt: Apt, packages: readonly PackageInfo[]): Promise<string[]> {
  const names = packages.map(({ name, version }) => `${name}=${version}`);
  const install = ['apt-get', 'install', '-qq', '-y', '--no-install-recommends', '--download-only'];
  // An archive folder that stays empty: apt leaves files that it has already out of the plan. By itself it plans by MD5.
  const settings = [`Dir::Cache::archives=${join(apt.dir, 'no-archives')}`, 'Acquire::ForceHash=SHA256'];
  const planning = settings.flatMap(setting => ['-o', setting]);
  const action = `plan the download of ${names.join(' ')}`;
  return withLock(apt.cache, `apt-${apt.suite}`, async () => {
    const plan = parsePrintUris(await run(apt, action, [...install, ...planning, '--print-uris', ...names]));
    const others = plan.length - names.length;
    if (others < 0) {
      throw new SystemError('NO_PLAN', {
        action,
        actual: 'apt would fetch nothing',
        wanted: 'lines with SHA256 hashes',
      });
    }
    const what = others > 0 ? `${names.join(' ')} with ${others} dependencies` : names.join(' ');
    return download(apt, what, plan, [...install, ...names]);
  });
}

/**
 * apt checks what it fetches, but takes a file of the right size that is there already for whole: a damaged one that a
 * killed run left is removed before, and all are checked after.
 */
async function download(
  apt: Apt,
  what: string,
  files: readonly PlannedFile[],
  argv: readonly string[],
): Promise<string[]> {
  const paths = files.map(({ filename }) => join(archivesDir(apt), filename));
  const damaged = async () => {
    const hashes = await Promise.all(paths.map(sha256OfFile));
    return paths.filter((_, index) => hashes[index] !== files[index]!.sha256);
  };
  await discard(await damaged());
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  await requireSpace(apt.cache, sizeBytes, what);
  await announced(apt.cache, `downloading ${what} (${megabytes(sizeBytes)} MB)`, () =>
    run(apt, `download ${what}`, argv, archivesDir(apt)),
  );
  const bad = await damaged();
  if (bad.length === 0) return paths;
  await discard(bad);
  throw new SystemError('DAMAGED', {
    action: `download ${what}`,
    actual: `${basename(bad[0]!)} is absent or does not match its hash`,
    wanted: 'a mirror and a disk that keep bytes; try again',
  });
}

/** undefined when there is no such file. */
async function sha256OfFile(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** Removes downloaded packages that were unpacked. */
export async function discard(files: readonly string[]): Promise<void> {
  await Promise.all(files.map(file => rm(file, { force: true })));
}

function archivesDir(apt: Apt): string {
  return join(apt.dir, 'archives');
}

function configured(apt: Apt, [command, ...args]: readonly string[]): string[] {
  return [command!, '-c', join(apt.dir, 'apt.conf'), ...args];
}

/** apt's messages are parsed, so they must be in English. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
}

async function run(apt: Apt, action: string, argv: readonly string[], cwd = apt.dir): Promise<string> {
  const output = await $({ env: environment(), cwd, nothrow: true, quiet: true })`${configured(apt, argv)}`;
  if (output.exitCode === 0) return output.stdout;
  const { code, actual, wanted } = explainApt(output.stderr + output.stdout);
  throw new SystemError(code, { action, actual, wanted }, { exitCode: output.exitCode ?? -1 });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
