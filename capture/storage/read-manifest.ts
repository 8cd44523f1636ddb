/** manifest.json of a dump directory, read in one place: what it holds, or how it is damaged. */
import { join } from 'node:path';
import { describeError, Failure } from '../errors.ts';
import { MANIFEST_FORMAT, MANIFEST_NAME, type Manifest } from './manifest.ts';
import { readRegular } from './place/open-regular.ts';

/** What the state of a dump is judged by: all that a capture has to know of older dumps. */
export interface ManifestOutline {
  readonly state: Manifest['state'];
  readonly failure?: string;
  readonly stamp: { readonly name: string };
  readonly dump?: { readonly name: string; readonly bytes: number };
}

/** Of a manifest that cannot be used. */
export class ManifestDamage {
  /** The field, what was found in it, and what was expected. */
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

/** Checks any JSON. */
export type ManifestCheck<M extends ManifestOutline> = (value: unknown) => M | ManifestDamage;

/** A manifest is some kilobytes. */
const MOST_BYTES = 1 << 20;

/**
 * Undefined when there is none. What is there under its name and cannot be read is damage.
 * @param check the whole schema on the host (scripts/lib/dumps/manifest-schema.ts), or `checkOutline` in a capture,
 * whose bundle has no room for a schema library.
 */
export function readManifest<M extends ManifestOutline>(
  directory: string,
  check: ManifestCheck<M>,
): M | ManifestDamage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readRegular(join(directory, MANIFEST_NAME), MOST_BYTES).toString('utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) return new ManifestDamage('it is not JSON');
    return new ManifestDamage(whyUnreadable(error));
  }
  if (isDeep(value)) return new ManifestDamage(`it is nested more than ${MOST_DEPTH} levels deep`);
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > MANIFEST_FORMAT)
    return new ManifestDamage(`its format is ${format}, of a newer kdumpling; expected ${MANIFEST_FORMAT}`);
  return check(value);
}

/** A manifest has five levels. What is much deeper overflows the stack of everything that recurses, JSON.stringify too. */
const MOST_DEPTH = 32;

function isDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= MOST_DEPTH; depth++) {
    level = level.flatMap(one => (typeof one === 'object' && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** The fields of the outline, and no others. */
export function checkOutline(value: unknown): ManifestOutline | ManifestDamage {
  const manifest = value as Partial<Manifest> | null;
  if (manifest?.format !== MANIFEST_FORMAT) return new ManifestDamage('it is no manifest of format 1');
  if (!STATES.includes(manifest.state!)) return new ManifestDamage('state is none of a dump');
  if (typeof manifest.stamp?.name !== 'string') return new ManifestDamage('stamp.name is not a text');
  const { dump } = manifest;
  const isDump = dump === undefined || (typeof dump?.name === 'string' && Number.isSafeInteger(dump.bytes));
  return isDump ? (manifest as ManifestOutline) : new ManifestDamage('dump lacks name or bytes');
}

const STATES: readonly Manifest['state'][] = ['complete', 'incomplete', 'skipped'];

function whyUnreadable(error: unknown): string {
  if (!(error instanceof Failure)) return describeError(error);
  return error.code === 'TOO_LARGE' ? `it is larger than ${MOST_BYTES} bytes` : 'it is not a regular file';
}
