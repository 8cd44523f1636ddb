/** `kdumpling unload`: crashes are no longer captured, until the next load. */
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { NO_ROOT_OPTION, refuseRoot } from '../lib/host/given-root.ts';
import { openHost } from '../lib/host/host.ts';
import { withHostLock } from '../lib/host/lock.ts';
import { isLoaded, unloadCrashKernel } from '../lib/kexec/crash-kernel.ts';

const OPTIONS = { ...NO_ROOT_OPTION } as const;

export const unload: Command<typeof OPTIONS> = {
  name: 'kdumpling unload',
  purpose: 'Unloads the crash kernel; the memory stays reserved.',
  options: OPTIONS,
  async run({ root }, signal) {
    refuseRoot('kdumpling unload', root);
    requireRoot('unload the crash kernel');
    const host = openHost();
    await withHostLock(host, signal, () => {
      if (isLoaded(host)) unloadCrashKernel(host);
    });
    console.log('not armed: no crash kernel is loaded');
    return EXIT.done;
  },
};
