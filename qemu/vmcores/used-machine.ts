/**
 * A machine in use, for measurements: most of its memory is page cache of real files; the rest is processes with real data,
 * kernel structures, and memory that was used and is free again.
 */
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NODE_BINARY } from '../../build/paths.ts';
import type { FillPlan } from './copied-machine.ts';

export const USED_MACHINE_MIB = 4352;

const MIB = 1 << 20;
/** Shares of the machine's memory for page cache and processes. The kernel and free memory have the rest. */
const CACHE_SHARE = 0.55;
const PROCESSES_SHARE = 0.22;
/** The host's own programs, libraries, documentation and sources, as many as fit. */
const FOLDERS = [dirname(dirname(dirname(NODE_BINARY))), '/usr/share', '/usr/bin', '/usr/lib'];

/** @param memoryMib of the machine. */
export function usedMachine(memoryMib: number): FillPlan {
  const cacheMib = Math.floor(memoryMib * CACHE_SHARE);
  return {
    bootWords: [],
    memoryMib,
    // Room for the runtime image and the kernel, for the files, and for the copy of the memory.
    diskMib: 1024 + cacheMib + Math.ceil(memoryMib * 1.1),
    drivers: ['loop', 'squashfs'],
    script: 'use-memory',
    settings: { processes_mib: `${Math.floor(memoryMib * PROCESSES_SHARE)}` },
    stage: async lab => copyFiles(join(lab, 'files'), cacheMib * MIB),
  };
}

function copyFiles(into: string, budgetBytes: number): void {
  let leftBytes = budgetBytes;
  for (const source of FOLDERS.flatMap(folder => [...regularFiles(folder)])) {
    const { size } = lstatSync(source);
    if (size > leftBytes) continue;
    const target = join(into, source);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target);
    leftBytes -= size;
  }
}

/** Regular files below a directory, ordered by name. Links are not followed. */
function* regularFiles(folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) yield* regularFiles(path);
    else if (status?.isFile() && status.size > 0) yield path;
  }
}
