/** The manifest of a dump directory that was taken off a machine's disk. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../capture/storage/manifest.ts';

export function readManifest(dump: string): Manifest | undefined {
  const path = join(dump, 'manifest.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : undefined;
}
