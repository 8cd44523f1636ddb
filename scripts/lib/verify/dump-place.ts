/** Finds the file that `kdumpling verify` is to check, and what the manifest says of it. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { TargetError } from '../../../capture/errors.ts';
import { MANIFEST_NAME, type Manifest, type ManifestDump } from '../../../capture/storage/manifest.ts';
import { UsageError } from '../cli/command.ts';
import { refuseCompressed } from '../dumps/dump-file.ts';
import { findDump } from '../dumps/find-dump.ts';
import type { Host } from '../host/host.ts';

export interface DumpPlace {
  readonly path: string;
  /** Its entry in the manifest. */
  readonly expected?: ManifestDump;
  /** Why it is the triage dump and not the dump. */
  readonly standsInBecause?: string;
}

/**
 * @param given an ID, a directory or a file; undefined for the last dump.
 * @throws UsageError when there is nothing to verify; TargetError for a damaged manifest, if it is asked.
 */
export function placeToVerify(host: Host, given: string | undefined, asksManifest: boolean): DumpPlace {
  const { id, directory, dumpFile, files, manifest, manifestDamage, standsInBecause } = findDump(host, given);
  if (asksManifest && manifestDamage !== undefined)
    throw new TargetError('MANIFEST', {
      action: `use ${join(directory, MANIFEST_NAME)}`,
      actual: manifestDamage,
      toDo: 'verify the dump without it: --no-manifest',
    });
  // A dump that the manifest names and the directory lacks is missed, unless another one stands in for it.
  const name = (asksManifest && !dumpFile ? manifest?.dump?.name : undefined) ?? dumpFile;
  const expected = asksManifest ? entryOf(manifest, name) : undefined;
  if (name === undefined)
    throw new UsageError('NO_DUMP', {
      action: `verify ${given ?? id}`,
      actual: 'there is a kernel log in it, and no dump',
      wanted: 'a dump directory or a dump',
    });
  const path = host.entry(join(directory, name));
  const isListed = files.some(file => file.name === name);
  if (!isListed && lstatSync(path, { throwIfNoEntry: false }))
    throw new TargetError('NOT_A_FILE', {
      action: `verify ${path}`,
      actual: 'it is not a regular file of root’s',
      wanted: 'the dump that its manifest names',
    });
  if (isListed) refuseCompressed(path, `verify ${path}`);
  return { path, ...(expected && { expected }), ...(standsInBecause && { standsInBecause }) };
}

function entryOf(manifest: Manifest | undefined, name: string | undefined): ManifestDump | undefined {
  return [manifest?.dump, manifest?.triage].find(entry => entry !== undefined && entry.name === name);
}
