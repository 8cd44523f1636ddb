/** Loads the kernel modules that the image brought for the target. */
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { System } from './system.ts';

/** A module that does not load may be one that this machine does not need: whether it was needed, the target will tell. */
export function loadModules(paths: readonly string[], system: Pick<System, 'loadModule'>, log: Log): void {
  for (const path of paths) {
    try {
      system.loadModule(path);
    } catch (error) {
      log.warn('target', describeError(error));
    }
  }
}
