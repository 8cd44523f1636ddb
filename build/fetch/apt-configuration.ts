/** The files of an apt of our own: its configuration, its sources, and the empty folders that it expects. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readHostMirror, SUITES, type SuiteName, sourcesFor } from './sources.ts';

/** Everything below `dir`; apt is then called with `-c <dir>/apt.conf`. */
export async function writeAptConfiguration(
  dir: string,
  suite: SuiteName,
  architecture: string,
): Promise<void> {
  const folders = ['lists/partial', 'archives/partial', 'no-archives/partial', 'state', 'cache'];
  for (const folder of folders) await mkdir(join(dir, folder), { recursive: true });
  await writeFile(join(dir, 'debian.sources'), sourcesFor(readHostMirror(), SUITES[suite], architecture));
  await writeFile(join(dir, 'status'), '');
  await writeFile(join(dir, 'apt.conf'), aptConfiguration(dir, architecture));
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
