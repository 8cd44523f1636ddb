/** Loads the kernel modules that the image includes for the target, with their parameters from the command line. */
import { basename } from 'node:path';
import { attempt, describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import { readModuleWords } from './module-words.ts';
import type { System } from './system.ts';

export interface ModuleLoading {
  readonly system: Pick<System, 'loadModule'>;
  readonly log: Log;
  /** The text of /proc/cmdline. */
  readonly commandLine: string;
  readText(path: string): string;
}

/** Never throws. A module that fails may be one that this machine does not need; opening the target will tell. */
export function loadModules(
  paths: readonly string[],
  { system, log, commandLine, readText }: ModuleLoading,
): void {
  const words = readModuleWords(commandLine);
  for (const path of paths) {
    const name = basename(path, '.ko');
    const parameters = words.parametersOf(name);
    const blacklist = words.blacklistOf(name);
    if (blacklist === 'modprobe.blacklist') {
      log.warn('target', `the module ${name} is not loaded: ${blacklist}= on the command line names it`);
      continue;
    }
    if (isLoaded(name, readText)) continue;
    if (parameters.length > 0) log.say('target', `loading ${name} with ${parameters.join(' ')}`);
    try {
      system.loadModule(path, parameters);
    } catch (error) {
      const why = blacklist ? `; ${blacklist}= on the command line makes the kernel refuse it` : '';
      log.warn('target', `${describeError(error)}${why}`);
    }
  }
}

/** Another CPU loads them while Node starts (initrd/start-node.sh). */
function isLoaded(name: string, readText: ModuleLoading['readText']): boolean {
  const state = attempt(
    () => readText(`/sys/module/${name.replaceAll('-', '_')}/initstate`),
    () => {},
  );
  return state?.trim() === 'live';
}
