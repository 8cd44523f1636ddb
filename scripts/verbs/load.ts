/** `kdumpling load`: loads the crash kernel into the memory that this boot reserved. */
import { armHost } from '../lib/arming/arm.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { cpusText } from '../lib/estimate/cpus.ts';
import { NO_ROOT_OPTION, refuseRoot } from '../lib/host/given-root.ts';
import { openHost } from '../lib/host/host.ts';
import { withHostLock } from '../lib/host/lock.ts';
import { isCrashKernel } from '../lib/kexec/crash-kernel.ts';

const OPTIONS = {
  force: { short: 'f', help: 'rebuild the initrd even if nothing has changed' },
  ...NO_ROOT_OPTION,
} as const;

export const load: Command<typeof OPTIONS> = {
  name: 'kdumpling load',
  purpose: 'Loads the crash kernel, after rebuilding its initrd if something has changed.',
  options: OPTIONS,
  async run({ force, root }, signal) {
    refuseRoot('kdumpling load', root);
    requireRoot('load the crash kernel');
    const host = openHost();
    if (isCrashKernel(host)) {
      console.log('this is a crash kernel itself: nothing was loaded');
      return EXIT.done;
    }
    const { image, kernel, way, cpus } = await withHostLock(host, signal, () => armHost(host, force));
    console.log(`${image.path}: ${image.rebuilt ? 'rebuilt' : 'up to date'}`);
    console.log(`armed: loaded ${kernel} by ${way}`);
    console.log(`crash kernel: ${cpusText(cpus)}`);
    return EXIT.done;
  },
};
