/** `kdumpling unload`: a crash is not captured any more, until the next load. */
import { type Command, EXIT } from './cli.ts';
import { openHost } from './host.ts';
import { isLoaded, unloadCrashKernel } from './kexec/crash-kernel.ts';
import { requireRoot } from './root.ts';

export const unload: Command<Record<never, never>> = {
  name: 'kdumpling unload',
  purpose: 'Unloads the crash kernel; the reservation stays.',
  options: {},
  async run() {
    requireRoot('unload the crash kernel');
    const host = openHost();
    if (isLoaded(host)) unloadCrashKernel(host);
    console.log('not armed: no crash kernel is loaded');
    return EXIT.done;
  },
};
