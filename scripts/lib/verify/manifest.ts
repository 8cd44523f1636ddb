/** Reads the manifest of a dump directory, as far as verifying needs it. It may be as damaged as the dump. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TargetError } from '../../../capture/errors.ts';
import { MANIFEST_FORMAT, MANIFEST_NAME, type Manifest } from '../../../capture/storage/manifest.ts';

/** Undefined when there is none. @throws TargetError for one that cannot be used. */
export function readManifest(directory: string): Manifest | undefined {
  const path = join(directory, MANIFEST_NAME);
  if (!existsSync(path)) return undefined;
  const refuse = (actual: string, wanted: string, cause?: unknown) =>
    new TargetError('MANIFEST', { action: `use ${path}`, actual, wanted }, {}, { cause });
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as Partial<Manifest>;
  } catch (cause) {
    throw refuse('it is no JSON', 'a manifest of kdumpling', cause);
  }
  if (manifest?.format !== MANIFEST_FORMAT) {
    throw refuse(`its format is ${String(manifest?.format)}`, `${MANIFEST_FORMAT}`);
  }
  const { dump } = manifest;
  if (dump === undefined) return manifest as Manifest;
  const regions: unknown = dump?.digest?.regions;
  const isWhole =
    typeof dump.name === 'string' &&
    Number.isSafeInteger(dump.bytes) &&
    ['sha256', 'crc32', 'none'].includes(dump.digest?.algorithm) &&
    Array.isArray(regions) &&
    regions.every(region => Number.isSafeInteger(region?.offset) && Number.isSafeInteger(region?.sizeBytes));
  if (!isWhole) throw refuse('its "dump" lacks name, bytes or digest', 'all of them');
  return manifest as Manifest;
}
