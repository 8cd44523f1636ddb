/** Where this machine's dumps are, by its config. */
import { TargetError } from '../../../capture/errors.ts';
import { UsageError } from '../cli/command.ts';
import { readConfig } from '../config/config.ts';
import type { Host } from '../host/host.ts';
import { describeAbsence } from '../storage/dump-location.ts';
import { dumpDirectories, hostTarget } from '../storage/host-target.ts';
import { type Dump, dumpOf, listDumps } from './dumps.ts';

export interface HostDumps {
  /** Where they are, for messages. */
  readonly directory: string;
  /** Newest last. */
  readonly dumps: readonly Dump[];
}

/** @throws TargetError when they cannot be seen. */
export function hostDumps(host: Host): HostDumps {
  const settings = readConfig(host);
  const directories = dumpDirectories(host, settings);
  const { target, fstype, location } = hostTarget(host, settings);
  if (location.kind === 'visible' || directories.length > 0)
    return { directory: directories.join(', '), dumps: listDumps(host, ...directories) };
  throw new TargetError('NOT_MOUNTED', {
    action: `look for dumps on ${fstype} ${target}`,
    ...describeAbsence(location),
  });
}

/** The one dump that a verb is about. @param given its positionals: a name, or its beginning. @throws UsageError */
export function theDump(host: Host, given: readonly string[]): Dump {
  const { directory, dumps } = hostDumps(host);
  if (given.length === 1) return dumpOf(dumps, given[0]!);
  throw new UsageError('USAGE', {
    action: 'choose a dump',
    actual: `${given.length} are given`,
    wanted: `one of ${dumps.map(({ id }) => id).join(', ') || `those in ${directory}, where there is none`}`,
  });
}
