/** Finds the dump that `kdumpling verify` is to check: in a dump directory, or a file on its own. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ManifestDump } from '../../../capture/storage/manifest.ts';
import { UsageError } from '../cli/command.ts';
import { theDump } from '../dumps/host-dumps.ts';
import type { Host } from '../host/host.ts';
import { readManifest } from './manifest.ts';

export interface DumpPlace {
  readonly path: string;
  /** Its entry in the manifest. */
  readonly expected?: ManifestDump;
}

const COMPLETE = 'vmcore';
const INCOMPLETE = 'vmcore-incomplete';

/** Anything that is not a path is the ID of a dump of this machine, or a prefix of it. */
export function pathOfDump(host: Host, given: string): string {
  return existsSync(given) || given.includes('/') ? given : host.path(theDump(host, [given]).directory);
}

/** @throws UsageError when there is nothing to verify; TargetError for an unusable manifest. */
export function findDump(given: string, asksManifest: boolean): DumpPlace {
  const expectedIn = (directory: string) => (asksManifest ? readManifest(directory)?.dump : undefined);
  const refuse = (actual: string) =>
    new UsageError('NO_DUMP', {
      action: `verify ${given}`,
      actual,
      wanted: 'a dump directory or a vmcore',
    });
  const status = statSync(given, { throwIfNoEntry: false });
  if (!status) throw refuse('it does not exist');
  if (!status.isDirectory()) {
    const expected = expectedIn(dirname(given));
    return expected?.name === basename(given) ? { path: given, expected } : { path: given };
  }
  const expected = expectedIn(given);
  if (expected) return { path: join(given, basename(expected.name)), expected };
  const name = [COMPLETE, INCOMPLETE].find(file => existsSync(join(given, file)));
  if (name === undefined) throw refuse(`it has neither ${COMPLETE} nor ${INCOMPLETE}`);
  return { path: join(given, name) };
}
