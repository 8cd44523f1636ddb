/** The manifest of a dump directory, for verifying, which needs a usable one or none. */
import { join } from 'node:path';
import { TargetError } from '../../../capture/errors.ts';
import { MANIFEST_NAME, type Manifest } from '../../../capture/storage/manifest.ts';
import { ManifestDamage, readManifest as readAny } from '../../../capture/storage/read-manifest.ts';
import { checkManifest } from '../dumps/manifest-schema.ts';

/** Undefined when there is none. @throws TargetError for one that is damaged. */
export function readManifest(directory: string): Manifest | undefined {
  const manifest = readAny(directory, checkManifest);
  if (!(manifest instanceof ManifestDamage)) return manifest;
  throw new TargetError('MANIFEST', {
    action: `use ${join(directory, MANIFEST_NAME)}`,
    actual: manifest.why,
    toDo: 'verify the dump without it: --no-manifest',
  });
}
