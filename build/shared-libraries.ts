/** The shared libraries that a program needs, as the host's own loader finds them. */
import { execFileSync } from 'node:child_process';

const LOADERS: Readonly<Record<string, string>> = {
  x64: '/lib64/ld-linux-x86-64.so.2',
  arm64: '/lib/ld-linux-aarch64.so.1',
};

/** The loader for this architecture. */
export function hostLoader(): string {
  return LOADERS[process.arch];
}

/** Soname -> path of every library that `file` (a program or a library) loads, except itself and the loader. */
export function sharedLibraries(file: string): Map<string, string> {
  const listing = execFileSync(hostLoader(), ['--list', file], { encoding: 'utf8' });
  return parseListing(listing);
}

/** Lines `soname => /path (0x…)`; the vDSO has no path and the loader has no arrow. */
export function parseListing(listing: string): Map<string, string> {
  const found = [...listing.matchAll(/^\s*(\S+) => (\/\S+) \(0x/gm)];
  return new Map(found.map(([, soname, path]) => [soname, path]));
}

/** The file that the host's loader finds for a soname. */
export function findLibrary(soname: string): string | undefined {
  const cache = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  return [...cache.matchAll(/^\s*(\S+) \(([^)]*)\) => (\S+)$/gm)].find(
    ([, name, kind]) => name === soname && kind.includes(process.arch === 'x64' ? 'x86-64' : 'AArch64'),
  )?.[3];
}
