/** `kdumpling disable`: undoes what `enable` did. Dumps stay: `cleanup` is what deletes. */
import { findBootLoader, unsetCrashkernel } from '../lib/boot-loader/boot-loaders.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { openHost } from '../lib/host/host.ts';
import { switchUnits } from '../lib/host/services.ts';
import { unsetSysctls } from '../lib/host/sysctls.ts';
import { removeHostImages } from '../lib/image/host-image.ts';
import { isLoaded, reservedBytes, unloadCrashKernel } from '../lib/kexec/crash-kernel.ts';

export const disable: Command<Record<never, never>> = {
  name: 'kdumpling disable',
  purpose: 'Disarms this machine, now and at each boot. Dumps stay.',
  options: {},
  async run() {
    requireRoot('disable kdump');
    const host = openHost();
    for (const unit of switchUnits(host, 'disable')) console.log(`${unit}: disabled`);
    if (isLoaded(host)) unloadCrashKernel(host);
    const undone = unsetCrashkernel(host);
    unsetSysctls(host);
    removeHostImages(host);
    const left = findBootLoader(host)?.configured(host);
    if (left !== undefined)
      console.log(
        `crashkernel=${left} stays: it is not of our doing${undone ? ', and was there before' : ''}`,
      );
    console.log(
      reservedBytes(host) > 0 && left === undefined
        ? 'kdump is disabled. That the memory is given back needs a reboot to take effect'
        : 'kdump is disabled. No reboot required',
    );
    return EXIT.done;
  },
};
