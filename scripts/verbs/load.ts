/** `kdumpling load`: loads the crash kernel into the memory that this boot reserved. */

import { armHost } from '../lib/arming/arm.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { openHost } from '../lib/host/host.ts';
import { isCrashKernel } from '../lib/kexec/crash-kernel.ts';

const OPTIONS = { force: { short: 'f', help: 'rebuild the initrd even if nothing changed' } } as const;

export const load: Command<typeof OPTIONS> = {
  name: 'kdumpling load',
  purpose: 'Loads the crash kernel, and rebuilds its initrd first when something changed.',
  options: OPTIONS,
  async run({ force }) {
    requireRoot('load the crash kernel');
    const host = openHost();
    if (isCrashKernel(host)) {
      console.log('this is a crash kernel itself: nothing is loaded');
      return EXIT.done;
    }
    const { image, kernel, way } = armHost(host, force);
    console.log(`${image.path}: ${image.rebuilt ? 'rebuilt' : 'is up to date'}`);
    console.log(`armed: ${kernel} is loaded, by ${way}`);
    return EXIT.done;
  },
};
