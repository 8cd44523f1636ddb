/** The vmlinux of a dump: the file with debug symbols whose own build id is that of the crashed kernel. */
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { decompress } from './decompress.ts';
import { type ElfFacts, readElfFile } from './elf-file.ts';
import { COMPRESSED_ENDINGS, vmlinuxPlaces } from './places.ts';

/** Paths for this process. */
export interface Vmlinux {
  /** Has the debug symbols. */
  readonly path: string;
  /** The kernel's code, where `path` was split from it and has none. */
  readonly image?: string;
}

/** A file that was looked at and not taken. */
export interface Rejected {
  readonly path: string;
  readonly why: string;
}

export interface Search {
  readonly vmlinux?: Vmlinux;
  readonly rejected: readonly Rejected[];
}

export interface Wanted {
  readonly buildId: string;
  readonly release?: string;
  /** The directory of the dump, on the machine. */
  readonly beside: string;
}

/** @param scratch is called for a directory where a decompressed copy is kept as long as the debugger runs. */
export async function findInstalled(
  host: Host,
  wanted: Wanted,
  scratch: () => string,
  signal: AbortSignal,
): Promise<Search> {
  const places = vmlinuxPlaces(wanted, wanted.beside);
  const rejected: Rejected[] = [];
  const images: string[] = [];
  const split: string[] = [];
  const look = (place: string, path: string): Vmlinux | undefined => {
    const facts = elfFacts(path);
    const why = whyNot(facts, wanted.buildId);
    if (facts?.buildId === wanted.buildId && facts.hasCode) images.push(path);
    if (why !== undefined) rejected.push({ path: place, why });
    else if (facts!.hasCode) return { path };
    else split.push(path);
    return undefined;
  };
  for (const place of places.filter(one => host.exists(one))) {
    const vmlinux = look(place, host.path(place));
    if (vmlinux) return { vmlinux, rejected };
  }
  for (const [ending, tool] of Object.entries(COMPRESSED_ENDINGS)) {
    for (const place of places.map(one => `${one}${ending}`).filter(one => host.exists(one))) {
      const copy = join(scratch(), `vmlinux-${rejected.length}`);
      try {
        await decompress(tool, host.path(place), copy, signal);
      } catch (error) {
        signal.throwIfAborted();
        rejected.push({ path: place, why: `it cannot be decompressed: ${(error as Error).message}` });
        continue;
      }
      const vmlinux = look(place, copy);
      if (vmlinux) return { vmlinux, rejected };
    }
  }
  const [path] = split;
  return path === undefined
    ? { rejected }
    : { vmlinux: { path, ...(images[0] && { image: images[0] }) }, rejected };
}

/** Why a file is not the debug symbols of the kernel with this build id. @returns undefined for one that is. */
export function whyNot(facts: ElfFacts | undefined, buildId: string): string | undefined {
  if (facts === undefined) return 'it is not a 64-bit ELF file';
  if (facts.buildId === undefined) return 'it has no build id';
  if (facts.buildId !== buildId) return `its build id is ${facts.buildId}`;
  return facts.hasDwarf ? undefined : 'it has no debug symbols';
}

/** Undefined also for what cannot be read. A link is followed: distributions install them. */
export function elfFacts(path: string): ElfFacts | undefined {
  try {
    return readElfFile(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch {
    return undefined;
  }
}

/** A directory that is made when it is first asked for. */
export function openScratch(): { readonly path: () => string; remove(): void } {
  let path: string | undefined;
  return {
    path: () => (path ??= mkdtempSync(join(tmpdir(), 'kdumpling-debug-'))),
    remove: () => {
      if (path !== undefined) rmSync(path, { recursive: true, force: true });
    },
  };
}
