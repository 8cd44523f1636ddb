/** What `kdumpling verify` is given: a dump directory or a dump in one, or a dump on its own. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ManifestDump } from '../../../capture/storage/manifest.ts';
import { UsageError } from '../cli/command.ts';
import { theDump } from '../dumps/host-dumps.ts';
import type { Host } from '../host/host.ts';
import { readManifest } from './manifest.ts';

export interface DumpPlace {
  readonly path: string;
  /** What the manifest says of it. */
  readonly expected?: ManifestDump;
}

const COMPLETE = 'vmcore';
const INCOMPLETE = 'vmcore-incomplete';

/** What is no path is the name of a dump of this machine, or its beginning. */
export function pathOfDump(host: Host, given: string): string {
  return existsSync(given) || given.includes('/') ? given : host.path(theDump(host, [given]).directory);
}

/** @throws UsageError when there is nothing to verify; TargetError for a manifest that cannot be used. */
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
  if (name === undefined) throw refuse(`there is neither ${COMPLETE} nor ${INCOMPLETE} in it`);
  return { path: join(given, name) };
}
