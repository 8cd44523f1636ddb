/** `kdumpling disable`: undoes what `enable` did. Dumps stay: `cleanup` is what deletes. */
import { configuredCrashkernel, findBootLoader, unsetCrashkernel } from '../lib/boot-loader/boot-loaders.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { crashkernelWords } from '../lib/crashkernel/words.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import { switchUnits } from '../lib/host/services.ts';
import { unsetSysctls } from '../lib/host/sysctls.ts';
import { removeHostImages } from '../lib/image/host-image.ts';
import { isLoaded, reservedBytes, unloadCrashKernel } from '../lib/kexec/crash-kernel.ts';
import { removeReportUnit } from '../lib/storage/report-unit.ts';

const OPTIONS = { ...ROOT_OPTION } as const;

export const disable: Command<typeof OPTIONS> = {
  name: 'kdumpling disable',
  purpose: 'Disarms this machine, now and at each boot. Dumps stay.',
  options: OPTIONS,
  async run({ root }) {
    requireRoot('disable kdump');
    const host = openGivenHost(root);
    for (const unit of switchUnits(host, 'disable')) console.log(`${unit}: disabled`);
    if (isLoaded(host)) unloadCrashKernel(host);
    const undone = unsetCrashkernel(host);
    unsetSysctls(host);
    removeReportUnit(host);
    removeHostImages(host);
    const loader = findBootLoader(host);
    const left = loader ? configuredCrashkernel(host, loader) : [];
    if (left.length > 0)
      console.log(
        undone
          ? `${crashkernelWords(left)} stays: it was there before kdumpling`
          : `${crashkernelWords(left)} stays: kdumpling did not set it`,
      );
    const isHeld = reservedBytes(host) > 0 && left.length === 0;
    const rest = isHeld ? ' Reboot to release the memory' : ' No reboot required';
    console.log(`kdump is disabled.${host.isImage ? '' : rest}`);
    return EXIT.done;
  },
};
