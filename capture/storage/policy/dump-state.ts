/**
 * What a dump directory holds, stated truthfully whatever moment the power went. The order of the commit is what makes it
 * so: vmcore-incomplete is written, checked and renamed to vmcore; only then comes the manifest that says complete.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_NAME } from '../manifest.ts';
import { incompleteName } from '../place/place.ts';
import { type ManifestCheck, ManifestDamage, type ManifestOutline, readManifest } from '../read-manifest.ts';
import { isTrusted } from './ownership.ts';

/**
 * `complete`: a vmcore under that name, of the length that the manifest says. `missing`: there was a dump and it is no
 * longer there. `damaged`: what is there cannot be what was written. Whether every byte is right is for verify to say.
 */
export type DumpState = 'complete' | 'incomplete' | 'missing' | 'damaged';

export interface DumpVerdict {
  readonly state: DumpState;
  /** What a person should know besides; undefined for a complete dump as it should be. */
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
const NAMES = [VMCORE, 'vmcore-dmesg.txt', 'kexec-dmesg.log', MANIFEST_NAME];
const OUR_NAMES: ReadonlySet<string> = new Set(NAMES.flatMap(name => [name, incompleteName(name)]));
/** As `stampOf` names directories, with the suffix that a second crash within a second gets. */
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
      ? `it was named after it was verified, and then: ${manifest.failure ?? 'nothing is known'}`
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
  if (files.get('vmcore-dmesg.txt') !== undefined)
    return { state: 'incomplete', why: 'the machine stopped behind the kernel’s log' };
  return { state: 'missing', why: 'there is no dump in it' };
}

/**
 * Whether a directory is clearly one of ours: its manifest says so, or its name and a dump in it do. One that was renamed
 * is somebody's who wanted to keep it.
 */
export function isDumpDirectory({ name, files, manifest }: DumpFacts): boolean {
  if (manifest !== undefined && !(manifest instanceof ManifestDamage)) return manifest.stamp.name === name;
  return STAMP.test(name) && [...files.keys()].some(file => OUR_NAMES.has(file));
}

/** Of the files in it, those that we never wrote. */
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
