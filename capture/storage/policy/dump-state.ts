/**
 * The state of a dump directory, correct after a power cut at any moment. It follows from the order of the commit:
 * vmcore-incomplete is written, checked and renamed to vmcore; then the manifest with the state `complete` is written.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_NAME } from '../manifest.ts';
import { incompleteName } from '../place/place.ts';
import { type ManifestCheck, ManifestDamage, type ManifestOutline, readManifest } from '../read-manifest.ts';
import { isTrusted } from './ownership.ts';

/**
 * `complete`: there is a vmcore of the length in the manifest. `missing`: the dump was removed. `damaged`: the files differ
 * from what was written. Only `verify` reads all the bytes.
 */
export type DumpState = 'complete' | 'incomplete' | 'missing' | 'damaged';

export interface DumpVerdict {
  readonly state: DumpState;
  /** The reason for the state; undefined for a complete dump without a flaw. */
  readonly why?: string;
}

export interface DumpFacts<M extends ManifestOutline = ManifestOutline> {
  /** The directory's name. */
  readonly name: string;
  /** Everything in it: name -> bytes; undefined for what is no regular file of root's. */
  readonly files: ReadonlyMap<string, number | undefined>;
  /** Undefined when there is none. */
  readonly manifest: M | ManifestDamage | undefined;
}

const VMCORE = 'vmcore';
/** The small dump that is made before it. */
export const TRIAGE_DUMP = 'vmcore-triage';
const NAMES = [
  VMCORE,
  TRIAGE_DUMP,
  'vmcore-dmesg.txt',
  'autopsy.txt',
  'autopsy.json',
  'kexec-dmesg.log',
  MANIFEST_NAME,
];
const OUR_NAMES: ReadonlySet<string> = new Set(NAMES.flatMap(name => [name, incompleteName(name)]));
/** A name as `stampOf` makes it, with the suffix for further crashes in the same second. */
const STAMP = /^\d{8}T\d{6}Z(-\d+)?$/;

export function judgeDump({ files, manifest }: DumpFacts): DumpVerdict {
  const bytes = files.get(VMCORE);
  if (manifest instanceof ManifestDamage)
    return { state: 'damaged', why: `${MANIFEST_NAME} is damaged: ${manifest.why}` };
  const said = manifest?.dump?.name === VMCORE ? manifest.dump.bytes : undefined;
  if (bytes !== undefined) {
    if (said !== undefined && said !== bytes)
      return { state: 'damaged', why: `vmcore has ${bytes} bytes, and had ${said} when it was written` };
    if (manifest?.state === 'complete') return { state: 'complete' };
    const why = manifest
      ? `it was verified and named, and then: ${manifest.failure ?? 'nothing is known'}`
      : 'it has no manifest: the machine stopped after it was verified and named';
    return { state: 'complete', why };
  }
  if (manifest?.state === 'complete') return { state: 'missing', why: 'vmcore was removed' };
  const incomplete = files.get(incompleteName(VMCORE));
  if (manifest) {
    const failure = manifest.failure ?? 'nothing is known of why';
    const hasGone = manifest.dump?.name === incompleteName(VMCORE) && incomplete === undefined;
    return hasGone
      ? { state: 'missing', why: `${incompleteName(VMCORE)} was removed` }
      : { state: 'incomplete', why: failure };
  }
  if (incomplete !== undefined)
    return { state: 'incomplete', why: 'the machine stopped while it was written' };
  if (files.get(TRIAGE_DUMP) !== undefined)
    return { state: 'incomplete', why: `the machine stopped after ${TRIAGE_DUMP} was written` };
  if (files.get('vmcore-dmesg.txt') !== undefined)
    return { state: 'incomplete', why: 'the machine stopped after the kernel’s log was written' };
  if (files.get('autopsy.json') !== undefined)
    return { state: 'incomplete', why: 'the machine stopped after its autopsy was written' };
  return { state: 'missing', why: 'there is no dump in it' };
}

/**
 * Whether a directory is certainly a kdumpling dump: by the name in its manifest, or by its own name and files. Somebody
 * who renames one wants to keep it.
 */
export function isDumpDirectory({ name, files, manifest }: DumpFacts): boolean {
  if (manifest !== undefined && !(manifest instanceof ManifestDamage)) return manifest.stamp.name === name;
  return STAMP.test(name) && [...files.keys()].some(file => OUR_NAMES.has(file));
}

/** The files in it that kdumpling did not write. */
export function foreignFiles({ files }: DumpFacts): string[] {
  return [...files]
    .filter(([name, bytes]) => bytes === undefined || !OUR_NAMES.has(name))
    .map(([name]) => name);
}

/** Nothing in it is followed. @param isOwn whose files count. @throws what Node's calls throw. */
export function readDumpFacts<M extends ManifestOutline>(
  directory: string,
  name: string,
  check: ManifestCheck<M>,
  isOwn = isTrusted,
): DumpFacts<M> {
  const path = join(directory, name);
  const files = new Map<string, number | undefined>();
  for (const file of readdirSync(path)) {
    const stat = lstatSync(join(path, file));
    files.set(file, stat.isFile() && isOwn(stat) ? stat.size : undefined);
  }
  return { name, files, manifest: manifestIn(path, files, check) };
}

function manifestIn<M extends ManifestOutline>(
  path: string,
  files: DumpFacts['files'],
  check: ManifestCheck<M>,
): DumpFacts<M>['manifest'] {
  if (!files.has(MANIFEST_NAME)) return undefined;
  if (files.get(MANIFEST_NAME) === undefined) return new ManifestDamage('it is not a regular file of root’s');
  return readManifest(path, check);
}
