/** Where this machine's dumps are, by its config. Reading them needs no dump target that works. */
import { describeError, TargetError } from '../../../capture/errors.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import { printable } from '../../../capture/text.ts';
import { requireRoot } from '../cli/root.ts';
import { readConfig } from '../config/config.ts';
import { NO_SETTINGS, type Settings } from '../config/directives.ts';
import { ConfigError } from '../config/errors.ts';
import type { Host } from '../host/host.ts';
import { describeAbsence } from '../storage/dump-location.ts';
import { dumpDirectories, hostTarget } from '../storage/host-target.ts';
import { type FoundDumps, findDumps } from './dumps.ts';

export interface HostDumps extends FoundDumps {
  /** Where they are, for messages. */
  readonly directory: string;
}

/**
 * @param settings that say where dumps are
 * @throws SystemError for a user who may not read them; TargetError when their file system is not mounted.
 */
export function hostDumps(host: Host, settings: Settings = readableConfig(host).settings): HostDumps {
  requireRoot('look for dumps');
  const directories = readableDirectories(host, settings);
  if (directories.length > 0)
    return { directory: directories.join(', '), ...findDumps(host, ...directories) };
  const { target, fstype, location } = hostTarget(host, settings);
  const why = location.kind === 'visible' ? { actual: 'it has no directory' } : describeAbsence(location);
  throw new TargetError('NOT_MOUNTED', { action: `look for dumps on ${fstype} ${target}`, ...why });
}

/** For reading dumps: a config that cannot be used is mentioned, and the dumps are where they are by default. */
export function readableConfig(host: Host): { readonly settings: Settings; readonly isUsable: boolean } {
  try {
    return { settings: readConfig(host), isUsable: true };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(printable(`warning: ${describeError(error)}`));
    console.error(`warning: looking for dumps in ${DEFAULT_OPTIONS.path}`);
    return { settings: NO_SETTINGS, isUsable: false };
  }
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
