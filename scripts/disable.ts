/** `kdumpling disable`: undoes what `enable` did. Dumps stay: `cleanup` is what deletes. */
import { findBootLoader, unsetCrashkernel } from './boot-loader/boot-loaders.ts';
import { type Command, EXIT } from './cli.ts';
import { unsetSysctls } from './feasibility/sysctls.ts';
import { openHost } from './host.ts';
import { isLoaded, reservedBytes, unloadCrashKernel } from './kexec/crash-kernel.ts';
import { removeHostImages } from './rebuild/host-image.ts';
import { requireRoot } from './root.ts';
import { switchUnits } from './services.ts';

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
