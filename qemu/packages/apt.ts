/**
 * An apt of our own for each suite: lists, cache, status and sources in the lab's cache, the system's untouched. It
 * reaches any suite from any Debian, needs no root, resumes downloads and checks their hashes.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';
import { findCommand } from '../../scripts/setup/host-packages.ts';
import { announced, type Cache, requireSpace, withLock } from '../cache.ts';
import { debFilename, explainApt, type PackageInfo, parsePrintUris, parseShow } from './apt-output.ts';
import { readHostMirror, SUITES, type SuiteName, sourcesFor } from './sources.ts';

/** Package lists younger than this are not fetched again. Long enough for one set-up, too short to meet a 404. */
const LISTS_MAX_AGE_SECONDS = 3600;

export interface Apt {
  readonly cache: Cache;
  readonly suite: SuiteName;
  readonly architecture: string;
  readonly dir: string;
}

/** The suite's apt, its package lists fetched if they are old or `refresh` asks for it. */
export async function openApt(cache: Cache, suite: SuiteName, { refresh = false } = {}): Promise<Apt> {
  if (findCommand('apt-get') === undefined || findCommand('dpkg-deb') === undefined) {
    throw new SystemError('NO_APT', {
      action: `use Debian's ${suite}`,
      actual: 'there is no apt-get',
      wanted: 'this lab needs Debian’s apt (a Debian host)',
    });
  }
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const apt: Apt = { cache, suite, architecture, dir: join(cache.dir, 'apt', suite) };
  await withLock(cache, `apt-${suite}`, async () => {
    await writeConfiguration(apt);
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
  const found = await findPackage(apt, name, version);
  if (found) return found;
  throw new SystemError('NO_PACKAGE', {
    action: `find the package ${name}${version ? ` ${version}` : ''}`,
    actual: `${apt.suite} has none`,
    wanted: 'a package of the archive (names change with the suites)',
  });
}

/** As resolvePackage, and undefined when there is none. */
export async function findPackage(
  apt: Apt,
  name: string,
  version?: string,
): Promise<PackageInfo | undefined> {
  const wanted = version ? `${name}=${version}` : name;
  const argv = ['apt-cache', 'show', '--no-all-versions', wanted];
  const { stdout } = await $({ env: environment(), nothrow: true, quiet: true })`${configured(apt, argv)}`;
  return parseShow(stdout).find(
    info => info.name === name && (version === undefined || info.version === version),
  );
}

/** Fetches just these packages. Returns the files' paths; delete them when they are unpacked (`discard`). */
export async function downloadPackages(apt: Apt, packages: readonly PackageInfo[]): Promise<string[]> {
  const sizeBytes = packages.reduce((sum, info) => sum + info.sizeBytes, 0);
  const names = packages.map(({ name, version }) => `${name}=${version}`);
  const what = `downloading ${names.join(' ')} (${megabytes(sizeBytes)} MB)`;
  const files = packages.map(info => join(archivesDir(apt), debFilename(info)));
  await requireSpace(apt.cache, sizeBytes, names.join(' '));
  await withLock(apt.cache, `apt-${apt.suite}`, () =>
    announced(apt.cache, what, () =>
      run(apt, `download ${names.join(' ')}`, ['apt-get', 'download', '-qq', ...names], archivesDir(apt)),
    ),
  );
  return mustExist(files);
}

/** Fetches packages with all that they depend on, as if nothing were installed. Returns the files' paths. */
export async function downloadClosure(apt: Apt, packages: readonly PackageInfo[]): Promise<string[]> {
  const names = packages.map(({ name, version }) => `${name}=${version}`);
  const install = ['apt-get', 'install', '-qq', '-y', '--no-install-recommends', '--download-only'];
  const action = `download ${names.join(' ')} and what it depends on`;
  return withLock(apt.cache, `apt-${apt.suite}`, async () => {
    // An archive folder that stays empty: apt leaves files that it has already out of the plan.
    const unseen = ['-o', `Dir::Cache::archives=${join(apt.dir, 'no-archives')}`];
    const plan = parsePrintUris(await run(apt, action, [...install, ...unseen, '--print-uris', ...names]));
    const sizeBytes = plan.reduce((sum, file) => sum + file.sizeBytes, 0);
    await requireSpace(apt.cache, sizeBytes, names.join(' '));
    const what = `downloading ${names.join(' ')} with ${plan.length - names.length} dependencies (${megabytes(sizeBytes)} MB)`;
    await announced(apt.cache, what, () => run(apt, action, [...install, ...names]));
    return mustExist(plan.map(({ filename }) => join(archivesDir(apt), filename)));
  });
}

/** Removes downloaded packages that were unpacked. */
export async function discard(files: readonly string[]): Promise<void> {
  await Promise.all(files.map(file => rm(file, { force: true })));
}

function archivesDir(apt: Apt): string {
  return join(apt.dir, 'archives');
}

async function writeConfiguration(apt: Apt): Promise<void> {
  const folders = ['lists/partial', 'archives/partial', 'no-archives/partial', 'state', 'cache'];
  for (const folder of folders) await mkdir(join(apt.dir, folder), { recursive: true });
  const sources = sourcesFor(readHostMirror(), SUITES[apt.suite], apt.architecture);
  await writeFile(join(apt.dir, 'debian.sources'), sources);
  await writeFile(join(apt.dir, 'status'), '');
  await writeFile(join(apt.dir, 'apt.conf'), aptConfiguration(apt.dir, apt.architecture));
}

/** Read after the host's own configuration, whose proxies and certificates we want and whose hooks and pins we don't. */
function aptConfiguration(dir: string, architecture: string): string {
  const options = {
    'Dir::State': `${dir}/state`,
    'Dir::State::lists': `${dir}/lists`,
    'Dir::State::status': `${dir}/status`,
    'Dir::Cache': `${dir}/cache`,
    'Dir::Cache::archives': `${dir}/archives`,
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': '',
    'Dir::Etc::sourcelist': `${dir}/debian.sources`,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': architecture,
    // As root, apt would drop to the user _apt, who may not write here, and say so.
    'APT::Sandbox::User': 'root',
    // Otherwise a mirror that cannot be reached is a warning and the exit code 0.
    'APT::Update::Error-Mode': 'any',
    'APT::Get::Show-User-Simulation-Note': 'false',
    'Acquire::Retries': '3',
    'Acquire::http::Timeout': '30',
    'Acquire::https::Timeout': '30',
    'Acquire::Languages': 'none',
  };
  const hooks = ['APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke', 'APT::Update::Post-Invoke-Success'];
  return [
    ...[...hooks, 'DPkg::Pre-Install-Pkgs', 'DPkg::Post-Invoke', 'APT::Architectures'].map(
      name => `#clear ${name};`,
    ),
    `APT::Architectures { "${architecture}"; };`,
    ...Object.entries(options).map(([name, value]) => `${name} "${value}";`),
    '',
  ].join('\n');
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

function mustExist(files: string[]): string[] {
  const absent = files.find(file => !existsSync(file));
  if (absent === undefined) return files;
  throw new SystemError('NO_FILE', {
    action: 'download packages',
    actual: `apt succeeded and did not leave ${absent}`,
    wanted: 'the file that it announced',
  });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
