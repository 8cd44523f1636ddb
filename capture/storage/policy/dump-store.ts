/** Finds and removes the dumps on a target. Only what kdumpling certainly made is touched. */
import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_NAME } from '../manifest.ts';
import { syncDirectory } from '../place/sync-directory.ts';
import { checkOutline } from '../read-manifest.ts';
import { foreignFiles, isDumpDirectory, judgeDump, readDumpFacts } from './dump-state.ts';
import { isTrusted } from './ownership.ts';
import type { StoredDump } from './retention.ts';

const STAT_BLOCK_BYTES = 512;

/** @param directory of the dump directories. One that cannot be read is left out, and so never removed. */
export function storedDumps(directory: string): StoredDump[] {
  return readdirSync(directory).flatMap(name => {
    try {
      const found = lstatSync(join(directory, name));
      if (!found.isDirectory() || !isTrusted(found)) return [];
      const facts = readDumpFacts(directory, name, checkOutline);
      if (!isDumpDirectory(facts)) return [];
      const blocks = [...facts.files.keys()].map(file => lstatSync(join(directory, name, file)).blocks);
      const bytes = blocks.reduce((sum, count) => sum + count * STAT_BLOCK_BYTES, 0);
      return [{ name, bytes, isComplete: judgeDump(facts).state === 'complete' }];
    } catch {
      return [];
    }
  });
}

/**
 * Removes the files that kdumpling wrote, and the directory if it is empty then. The manifest goes last, so that a power cut
 * in between leaves a dump whose state is `missing`.
 * @returns the names of the files that stay. @throws what Node's calls throw.
 */
export function removeDump(directory: string, name: string): string[] {
  const path = join(directory, name);
  const facts = readDumpFacts(directory, name, checkOutline);
  const foreign = new Set(foreignFiles(facts));
  const ours = [...facts.files.keys()].filter(file => !foreign.has(file));
  const isManifest = (file: string) => file === MANIFEST_NAME;
  for (const file of ours.filter(one => !isManifest(one))) unlinkSync(join(path, file));
  syncDirectory(path);
  for (const file of ours.filter(isManifest)) unlinkSync(join(path, file));
  if (foreign.size === 0) rmdirSync(path);
  syncDirectory(directory);
  return [...foreign];
}
