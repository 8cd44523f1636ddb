/** Where the files that a build copies come from: this machine for its own architecture, fetched packages for another. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Failure } from '../../capture/errors.ts';
import type { DebianPackage } from './debian-packages.ts';
import { neededLibraries } from './needed-libraries.ts';
import type { Platform } from './platform.ts';

export interface Parts {
  readonly platform: Platform;
  /** The folder that a build goes to. */
  readonly dist: string;
  /** Whether programs of this platform run on this machine. */
  readonly isNative: boolean;
  /** The pinned Node: the official binary, from an npm package. */
  readonly node: string;
  readonly koffi: string;
  /** The file of the loader (PT_INTERP). */
  readonly loader: string;
  /** A `strip` for its programs. */
  readonly strip: string;
  /** The path of a program, like `e2fsck`. */
  command(name: string): string | undefined;
  /** The path of a library, by its soname. */
  library(soname: string): string | undefined;
  /** File -> Debian package. A file that no package owns is left out. */
  packagesOf(files: readonly string[]): Map<string, DebianPackage>;
}

/** Soname -> path of every library that `file` loads, except itself and the loader, in the order in which a loader finds them. */
export function sharedLibraries({ platform, library }: Parts, file: string): Map<string, string> {
  const found = new Map<string, string>();
  const loader = basename(platform.loader);
  for (const queue = [file]; queue.length > 0; ) {
    const user = queue.shift()!;
    for (const soname of neededLibraries(readFileSync(user))) {
      if (found.has(soname) || soname === loader) continue;
      const path = library(soname) ?? missing(soname, user);
      found.set(soname, path);
      queue.push(path);
    }
  }
  return found;
}

/** @throws Failure where there is no such program. */
export function requireCommand({ platform, command }: Parts, name: string): string {
  const path = command(name);
  if (path) return path;
  throw new Failure('PROGRAM_MISSING', {
    action: `include the program ${name}`,
    actual: `there is none for ${platform.debian}`,
    wanted: 'a package that has it among those of the build (build/parts, build/host/host-packages.ts)',
  });
}

function missing(soname: string, user: string): never {
  throw new Failure('LIBRARY_MISSING', {
    action: `include the libraries of ${basename(user)}`,
    actual: `there is no ${soname}`,
    wanted: 'the package that holds it',
  });
}
