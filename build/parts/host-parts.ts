/** The parts of a build for this machine's own architecture: its programs and libraries, as it finds them itself. */
import { execFileSync } from 'node:child_process';
import { findCommand } from '../host/host-packages.ts';
import { DIST, KOFFI_BINARY, NODE_BINARY } from '../paths.ts';
import { packagesOf } from './debian-packages.ts';
import type { Parts } from './parts.ts';
import { platformNamed } from './platform.ts';

export function hostParts(): Parts {
  const platform = platformNamed();
  const libraries = new Map<string, string>();
  return {
    platform,
    dist: DIST,
    isNative: true,
    node: NODE_BINARY,
    koffi: KOFFI_BINARY,
    loader: platform.loader,
    strip: 'strip',
    command: name => findCommand(name),
    library(soname) {
      if (libraries.size === 0) readLibraries(platform.ldconfig, libraries);
      return libraries.get(soname);
    },
    packagesOf,
  };
}

/** The first file that the loader's cache has for each soname, without those for one kind of CPU. */
function readLibraries(mark: string, into: Map<string, string>): void {
  const cache = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  for (const [, soname, kind, path] of cache.matchAll(/^\s*(\S+) \(([^)]*)\) => (\S+)$/gm)) {
    if (kind!.includes(mark) && !kind!.includes('hwcap') && !into.has(soname!)) into.set(soname!, path!);
  }
}
