/**
 * Opens the FFI and, through it, shared libraries.
 *
 * koffi's npm package wraps a native addon, koffi.node, in JavaScript that looks for it by package name. A bundle has
 * no packages, so the addon is opened here directly: its exports are the whole API (koffi 3.x, `index.d.ts`).
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as koffi from 'koffi';
import { describeError, SystemError } from '../errors.ts';

/** The part of koffi that the bindings here use, and where it was found. */
export interface Ffi {
  readonly path: string;
  readonly load: typeof koffi.load;
  /** The memory at an address as an ArrayBuffer, without a copy and without ownership. */
  readonly view: typeof koffi.view;
  readonly errno: typeof koffi.errno;
  /** The address of a Buffer's or typed array's bytes. Only good while the caller keeps the buffer reachable. */
  readonly address: typeof koffi.address;
}

export type Library = koffi.LibraryHandle;

/**
 * Opens koffi.node, the first of `candidates` that loads. Open it once and pass it on.
 * @throws SystemError that names every path tried.
 */
export function openFfi(candidates: readonly string[] = ffiCandidates()): Ffi {
  const failures: string[] = [];
  for (const path of candidates) {
    const module = { exports: {} };
    try {
      process.dlopen(module, path);
    } catch (error) {
      failures.push(`${path} (${firstLine(error)})`);
      continue;
    }
    const native = module.exports as Omit<Ffi, 'path'>;
    return { path, load: native.load, view: native.view, errno: native.errno, address: native.address };
  }
  throw new SystemError('FFI_UNAVAILABLE', {
    action: 'open the FFI',
    actual: failures.length > 0 ? `none of these loads: ${failures.join(', ')}` : 'no path to try',
    wanted: `koffi.node for ${process.platform} ${process.arch} beside the program`,
  });
}

/**
 * Where koffi.node may be: beside the running program, then in a node_modules above it, then in one above the Node
 * binary (`node --eval` has no program). The working directory is left out on purpose: this runs as root and must not
 * load code from a directory that someone else can write to.
 */
export function ffiCandidates(): string[] {
  const program = process.argv[1] ? realPath(process.argv[1]) : undefined;
  const addon = join(
    'node_modules',
    '@koromix',
    `koffi-linux-${process.arch}`,
    `linux_${process.arch}`,
    'koffi.node',
  );
  const candidates = program ? [join(dirname(program), 'koffi.node')] : [];
  for (const start of program ? [program, process.execPath] : [process.execPath]) {
    for (const folder of foldersAbove(start)) candidates.push(join(folder, addon));
  }
  return [...new Set(candidates)];
}

/** Node itself as a library: it exports the functions of the C libraries that are linked into it. */
export function openProgram(ffi: Ffi): Library {
  return ffi.load(null);
}

/**
 * Opens a shared library by the first of `names` that loads: a soname for the system's search path, or a path.
 * @throws SystemError that names every one tried.
 */
export function openLibrary(ffi: Ffi, names: readonly string[]): Library {
  const failures: string[] = [];
  for (const name of names) {
    try {
      // Node has zstd and zlib linked in and exports their functions. Without RTLD_DEEPBIND these would replace the
      // library's calls to its own functions, and another version's code would work on its structures.
      return ffi.load(name, { deep: true });
    } catch (error) {
      failures.push(`${name} (${firstLine(error)})`);
    }
  }
  throw new SystemError('LIBRARY_UNAVAILABLE', {
    action: `open the library ${names[0]}`,
    actual: `none of these loads: ${failures.join(', ')}`,
    wanted: 'an installed library, or one in the image',
  });
}

function* foldersAbove(path: string): Generator<string> {
  let folder = dirname(path);
  yield folder;
  while (folder !== dirname(folder)) {
    folder = dirname(folder);
    yield folder;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // the program may be unlinked, or on a root file system that was replaced
  }
}

function firstLine(error: unknown): string {
  return describeError(error).split('\n', 1)[0];
}
