/** The dumps on this machine: which there are, in what state, and one of them by the beginning of its name. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../capture/target/manifest.ts';
import { UsageError } from '../cli.ts';
import type { Host } from '../host.ts';
import { readManifest } from '../verify/manifest.ts';

/** `missing`: its manifest says that there is a dump, and there is none. `damaged`: it is not as long as it was. */
export type DumpState = 'complete' | 'incomplete' | 'missing' | 'damaged';

export interface Dump {
  readonly id: string;
  /** On the host. */
  readonly directory: string;
  readonly state: DumpState;
  /** Why it is not complete. */
  readonly why?: string;
  /** When it crashed, as far as it is known. */
  readonly time: Date;
  /** All its files together. */
  readonly bytes: number;
  /** Undefined for a dump of another program, or one that got no manifest. */
  readonly manifest?: Manifest;
}

/** One of these makes a directory a dump's. */
const TELLING_FILES = [
  'vmcore',
  'vmcore-incomplete',
  'manifest.json',
  'vmcore-dmesg.txt',
  'vmcore-dmesg-incomplete.txt',
];
/** As stampOf in capture/target/manifest.ts names them. */
const OUR_NAME = /^\d{8}T\d{6}Z(-\d+)?$/;

/** Newest last. @param directories where dumps go, on the host. */
export function listDumps(host: Host, ...directories: readonly string[]): Dump[] {
  return directories
    .flatMap(directory => host.list(directory).map(name => readDump(host, directory, name)))
    .filter(dump => dump !== undefined)
    .sort((a, b) => a.time.getTime() - b.time.getTime() || (a.id < b.id ? -1 : 1));
}

/** Made by us, and so ours to delete. */
export function isOurs({ id, manifest }: Dump): boolean {
  return OUR_NAME.test(id) || manifest !== undefined;
}

/** @param given a dump's name, or its beginning when no other begins so. @throws UsageError */
export function dumpOf(dumps: readonly Dump[], given: string): Dump {
  const exact = dumps.find(({ id }) => id === given);
  const found = exact ? [exact] : dumps.filter(({ id }) => given !== '' && id.startsWith(given));
  if (found.length === 1) return found[0]!;
  const names = (found.length > 0 ? found : dumps).map(({ id }) => id).join(', ');
  throw new UsageError('NO_SUCH_DUMP', {
    action: `find the dump ${given}`,
    actual: found.length > 1 ? `${found.length} dumps begin so: ${names}` : 'there is none of that name',
    wanted: found.length > 1 ? 'wanted: more of the name' : `there are ${names || 'none'}`,
  });
}

function readDump(host: Host, parent: string, id: string): Dump | undefined {
  const directory = join(parent, id);
  const files = filesIn(host.path(directory));
  if (!TELLING_FILES.some(name => files.has(name))) return undefined;
  const common = {
    id,
    directory,
    bytes: [...files.values()].reduce((sum, bytes) => sum + bytes, 0),
  };
  let manifest: Manifest | undefined;
  try {
    manifest = readManifest(host.path(directory));
  } catch (error) {
    const why = (error as Error).message;
    return { ...common, state: 'damaged', why, time: timeOf(host.path(directory), undefined) };
  }
  return { ...common, manifest, time: timeOf(host.path(directory), manifest), ...judge(files, manifest) };
}

/** By names and lengths alone, which takes no time; `kdumpling verify` reads the bytes. */
function judge(
  files: ReadonlyMap<string, number>,
  manifest: Manifest | undefined,
): Pick<Dump, 'state' | 'why'> {
  const { dump, state, failure } = manifest ?? {};
  if (state === 'incomplete') return { state, why: failure };
  if (!dump) {
    if (files.has('vmcore')) return { state: 'complete' };
    return { state: 'incomplete', why: 'there is no whole vmcore and no manifest: the capture was cut off' };
  }
  const bytes = files.get(dump.name);
  if (bytes === undefined) return { state: 'missing', why: `there is no ${dump.name}` };
  if (bytes === dump.bytes) return { state: 'complete' };
  return { state: 'damaged', why: `${dump.name} has ${bytes} bytes, and had ${dump.bytes}` };
}

function timeOf(directory: string, manifest: Manifest | undefined): Date {
  const said = manifest?.stamp?.trusted ? new Date(manifest.stamp.time) : undefined;
  return said && !Number.isNaN(said.getTime()) ? said : statSync(directory).mtime;
}

/** Plain files with their bytes. */
function filesIn(directory: string): Map<string, number> {
  const files = new Map<string, number>();
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return files;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isFile()) files.set(entry.name, statSync(join(directory, entry.name)).size);
  }
  return files;
}
