/** `kdumpling enable`: arms the machine for the next boots, and for this one where memory is reserved already. */

import { SystemError } from '../../capture/errors.ts';
import { armHost } from '../lib/arming/arm.ts';
import { obstaclesOf } from '../lib/arming/checks.ts';
import { hostReservation, readFacts } from '../lib/arming/facts.ts';
import { reserveAtNextBoot } from '../lib/arming/reserve.ts';
import { crashkernelOf } from '../lib/boot-loader/boot-loader.ts';
import { badValue, type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { readConfig } from '../lib/config/config.ts';
import type { Settings } from '../lib/config/directives.ts';
import { crashkernelBytes } from '../lib/estimate/crashkernel.ts';
import { memoryUse } from '../lib/estimate/memory.ts';
import { type Host, openHost } from '../lib/host/host.ts';
import { runningKernel } from '../lib/host/kernel-files.ts';
import { switchUnits } from '../lib/host/services.ts';
import { setSysctls } from '../lib/host/sysctls.ts';
import { ensureHostImage } from '../lib/image/host-image.ts';
import { reservedBytes } from '../lib/kexec/crash-kernel.ts';

const OPTIONS = {
  crashkernel: {
    value: 'VALUE',
    help: 'what to reserve; auto: what is computed, whatever is there',
  },
  'set-sysctls': { help: 'have oopses, lockups and NMIs panic (see show), now and at each boot' },
} as const;

export const enable: Command<typeof OPTIONS> = {
  name: 'kdumpling enable',
  purpose: 'Arms this machine: memory is reserved at each boot and the crash kernel loaded.',
  options: OPTIONS,
  async run({ crashkernel: asked, 'set-sysctls': setsSysctls }) {
    requireRoot('enable kdump');
    const host = openHost();
    if (asked !== undefined && asked !== 'auto' && !crashkernelBytes(asked, memoryUse(host).totalBytes))
      throw badValue('crashkernel', asked, 'a size like 192M that is reserved on this machine, or auto');
    refuseWhatCannotWork(host);
    const settings = readConfig(host);
    const image = ensureHostImage(host, settings, runningKernel(host), false);
    console.log(`${image.path}: ${image.rebuilt ? 'built' : 'is up to date'}`);
    const { loader, value, why } = reserveAtNextBoot(host, settings, asked);
    console.log(`${loader}: crashkernel=${value}, ${why}`);
    if (setsSysctls) setSysctls(host);
    for (const unit of switchUnits(host, 'enable')) console.log(`${unit}: enabled`);
    return armNow(host, settings, value);
  },
};

/** Before anything is changed. */
function refuseWhatCannotWork(host: Host): void {
  const [obstacle] = obstaclesOf(readFacts(host));
  if (!obstacle) return;
  throw new SystemError('NOT_FEASIBLE', {
    action: 'enable kdump',
    actual: obstacle.text,
    toDo: obstacle.fix,
  });
}

/** A reboot is needed for memory that this boot has not, or has too little of. */
function armNow(host: Host, settings: Settings, value: string): number {
  const reserved = reservedBytes(host);
  const isAsAsked = crashkernelOf(host.read('/proc/cmdline') ?? '') === value;
  if (reserved === 0 || (!isAsAsked && reserved < hostReservation(host, settings).leastBytes)) {
    console.log('kdump is enabled; it needs a reboot to take effect');
    return EXIT.done;
  }
  const { kernel, way } = armHost(host);
  console.log(`kdump is enabled: ${kernel} is loaded, by ${way}. No reboot required`);
  return EXIT.done;
}
