/** The dumps on this machine: which there are, in what state, and one of them by the beginning of its name. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../../capture/storage/manifest.ts';
import {
  type DumpVerdict,
  isDumpDirectory,
  judgeDump,
  readDumpFacts,
} from '../../../capture/storage/policy/dump-state.ts';
import { ManifestDamage } from '../../../capture/storage/read-manifest.ts';
import { UsageError } from '../cli/command.ts';
import type { Host } from '../host/host.ts';
import { checkManifest } from './manifest-schema.ts';

/** The state by names and lengths alone, which takes no time; `kdumpling verify` reads the bytes. */
export interface Dump extends DumpVerdict {
  readonly id: string;
  /** On the host. */
  readonly directory: string;
  /** Made by us, and so ours to delete. */
  readonly isOurs: boolean;
  /** When it crashed, as far as it is known. */
  readonly time: Date;
  /** All its files together. */
  readonly bytes: number;
  /** Undefined for a dump of another program, or one that got no manifest. */
  readonly manifest?: Manifest;
}

/** What makes another program's directory a dump's. */
const TELLING_FILES = ['vmcore', 'vmcore-incomplete', 'vmcore-dmesg.txt', 'vmcore-dmesg-incomplete.txt'];

/** Newest last. @param directories where dumps go, on the host. */
export function listDumps(host: Host, ...directories: readonly string[]): Dump[] {
  return directories
    .flatMap(directory => host.list(directory).map(name => readDump(host, directory, name)))
    .filter(dump => dump !== undefined)
    .sort((a, b) => a.time.getTime() - b.time.getTime() || (a.id < b.id ? -1 : 1));
}

/** @param given a dump's name, or its beginning when no other begins so. @throws UsageError */
export function dumpOf(dumps: readonly Dump[], given: string): Dump {
  const exact = dumps.find(({ id }) => id === given);
  const found = exact ? [exact] : dumps.filter(({ id }) => given !== '' && id.startsWith(given));
  if (found.length === 1) return found[0]!;
  const names = (found.length > 0 ? found : dumps).map(({ id }) => id).join(', ');
  throw new UsageError('NO_SUCH_DUMP', {
    action: `find the dump ${given}`,
    ...(found.length > 1
      ? { actual: `${found.length} dumps begin so: ${names}`, wanted: 'more of the name' }
      : names === ''
        ? { actual: 'there are none' }
        : { actual: 'there is none of that name', wanted: `one of ${names}` }),
  });
}

function readDump(host: Host, parent: string, id: string): Dump | undefined {
  const directory = join(parent, id);
  const path = host.path(directory);
  if (!lstatSync(path).isDirectory()) return undefined;
  const facts = readDumpFacts(host.path(parent), id, checkManifest);
  const isOurs = isDumpDirectory(facts);
  if (!isOurs && !TELLING_FILES.some(name => facts.files.has(name))) return undefined;
  const manifest = facts.manifest instanceof ManifestDamage ? undefined : facts.manifest;
  const bytes = [...facts.files.values()].reduce<number>((sum, size) => sum + (size ?? 0), 0);
  return { id, directory, isOurs, time: timeOf(path, manifest), bytes, manifest, ...judgeDump(facts) };
}

function timeOf(directory: string, manifest: Manifest | undefined): Date {
  return manifest?.stamp.trusted ? new Date(manifest.stamp.time) : lstatSync(directory).mtime;
}
