/** The dumps in a directory of dumps: those that count, and those that are left out, each with its reason. */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describeError } from '../../../capture/errors.ts';
import { isTrusted, whyIgnored } from '../../../capture/storage/policy/ownership.ts';
import type { Host } from '../host/host.ts';
import { type Dump, dumpInDirectory, fileOnItsOwn, isDumpFile } from './dump.ts';
import { layOut } from './layouts.ts';

export type { Dump } from './dump.ts';

export interface IgnoredDump {
  readonly id: string;
  readonly directory: string;
  readonly why: string;
}

export interface FoundDumps {
  /** Newest last. */
  readonly dumps: readonly Dump[];
  /** What looks like a dump and does not count, or cannot be read. */
  readonly ignored: readonly IgnoredDump[];
}

/** One odd dump never hides the others. @param directories where dumps go, on the host. */
export function findDumps(host: Host, ...directories: readonly string[]): FoundDumps {
  const dumps: Dump[] = [];
  const ignored: IgnoredDump[] = [];
  for (const directory of directories) {
    for (const path of entriesOf(host, directory, ignored)) {
      const ignore = (why: string) => void ignored.push({ id: basename(path), directory: path, why });
      try {
        const found = lstatSync(host.entry(path));
        if (isTrusted(found)) dumps.push(...dumpAt(host, path, found));
        else if (looksLikeDump(host, path, found)) ignore(whyIgnored(found));
      } catch (error) {
        ignore(describeError(error));
      }
    }
  }
  dumps.sort((a, b) => a.time.getTime() - b.time.getTime() || (a.id < b.id ? -1 : 1));
  return { dumps, ignored };
}

/** Links, pipes and devices are none. */
function dumpAt(host: Host, path: string, found: Stats): Dump[] {
  if (found.isFile()) return isDumpFile(host, path) ? [fileOnItsOwn(host, path)] : [];
  const dump = found.isDirectory() ? dumpInDirectory(host, path) : undefined;
  return dump ? [dump] : [];
}

/** By names alone: another user's files are not opened. */
function looksLikeDump(host: Host, path: string, found: Stats): boolean {
  const names = found.isDirectory() ? readdirSync(host.path(path)) : [basename(path)];
  // A log of theirs counts whatever its length, which is not asked.
  const files = names.map(name => ({ name, bytes: 1 }));
  return layOut(basename(path), files) !== undefined;
}

function entriesOf(host: Host, directory: string, ignored: IgnoredDump[]): string[] {
  try {
    return readdirSync(host.path(directory))
      .sort()
      .map(name => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      ignored.push({ id: basename(directory), directory: dirname(directory), why: describeError(error) });
    return [];
  }
}
