/** Where this machine's dumps are, by its config. Reading them needs no dump target that works. */
import { TargetError } from '../../../capture/errors.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import { requireRoot } from '../cli/root.ts';
import { readConfig } from '../config/config.ts';
import type { Settings } from '../config/directives.ts';
import type { Host } from '../host/host.ts';
import { describeAbsence } from '../storage/dump-location.ts';
import { dumpDirectories, hostTarget } from '../storage/host-target.ts';
import { type FoundDumps, findDumps } from './dumps.ts';

export interface HostDumps extends FoundDumps {
  /** Where they are, for messages. */
  readonly directory: string;
}

/** @throws SystemError for a user who may not read them; TargetError when their file system is not mounted. */
export function hostDumps(host: Host): HostDumps {
  requireRoot('look for dumps');
  const settings = readConfig(host);
  const directories = readableDirectories(host, settings);
  if (directories.length > 0)
    return { directory: directories.join(', '), ...findDumps(host, ...directories) };
  const { target, fstype, location } = hostTarget(host, settings);
  const why = location.kind === 'visible' ? { actual: 'it has no directory' } : describeAbsence(location);
  throw new TargetError('NOT_MOUNTED', { action: `look for dumps on ${fstype} ${target}`, ...why });
}

/** A directory that no dump could be captured to (on an overlay, say) may hold dumps that were copied there. */
function readableDirectories(host: Host, settings: Settings): string[] {
  try {
    return dumpDirectories(host, settings);
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    return [settings.options.path ?? DEFAULT_OPTIONS.path];
  }
}
