/** `kdumpling enable`: arms the machine for the next boots, and for this one where memory is reserved already. */

import { SystemError } from '../../capture/errors.ts';
import { armHost } from '../lib/arming/arm.ts';
import { obstaclesOf } from '../lib/arming/checks.ts';
import { readFacts } from '../lib/arming/facts.ts';
import { hostReservation, hostReserved } from '../lib/arming/host-reservation.ts';
import { readAskedCrashkernel, reserveAtNextBoot } from '../lib/arming/reserve.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { readConfig } from '../lib/config/config.ts';
import type { Settings } from '../lib/config/directives.ts';
import { haveSameEffect } from '../lib/crashkernel/reading.ts';
import { type CrashkernelValues, crashkernelValues, crashkernelWords } from '../lib/crashkernel/words.ts';
import { shortageOf } from '../lib/estimate/reservation.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import type { Host } from '../lib/host/host.ts';
import { hostKernel } from '../lib/host/kernel-files.ts';
import { withHostLock } from '../lib/host/lock.ts';
import { switchUnits } from '../lib/host/services.ts';
import { setSysctls } from '../lib/host/sysctls.ts';
import { ensureHostImage } from '../lib/image/host-image.ts';
import { writeReportUnit } from '../lib/storage/report-unit.ts';

const OPTIONS = {
  crashkernel: {
    value: 'VALUE',
    help: 'what to reserve, several values with blanks; auto: what is computed, whatever is there',
  },
  'set-sysctls': { help: 'have oopses, lockups and NMIs panic (see show), now and at each boot' },
  ...ROOT_OPTION,
} as const;

export const enable: Command<typeof OPTIONS> = {
  name: 'kdumpling enable',
  purpose: 'Arms this machine: memory is reserved at each boot and the crash kernel loaded.',
  options: OPTIONS,
  async run({ crashkernel, 'set-sysctls': setsSysctls, root }, signal) {
    requireRoot('enable kdump');
    const host = openGivenHost(root);
    const asked = crashkernel === undefined ? undefined : readAskedCrashkernel(host, crashkernel);
    refuseWhatCannotWork(host);
    const settings = readConfig(host);
    const build = () => ensureHostImage(host, settings, hostKernel(host), false);
    const image = await withHostLock(host, signal, build);
    console.log(`${image.path}: ${image.rebuilt ? 'built' : 'is up to date'}`);
    const { loader, values, why, cost } = reserveAtNextBoot(host, settings, asked);
    console.log(`${loader}: ${crashkernelWords(values)}, ${why}`);
    if (cost) console.log(cost);
    if (setsSysctls) setSysctls(host);
    writeReportUnit(host, settings);
    for (const unit of switchUnits(host, 'enable')) console.log(`${unit}: enabled`);
    if (host.isImage) {
      console.log('kdump is enabled: a machine that boots from here is armed');
      return EXIT.done;
    }
    return withHostLock(host, signal, () => armNow(host, settings, values));
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
function armNow(host: Host, settings: Settings, values: CrashkernelValues): number {
  const { bytes, cmaBytes, ...pieces } = hostReserved(host);
  const reservation = hostReservation(host, settings);
  const isTooLittle =
    bytes + cmaBytes < reservation.leastBytes || shortageOf(pieces, reservation) !== undefined;
  const isAsAsked = haveSameEffect(crashkernelValues(host.read('/proc/cmdline') ?? ''), values);
  if (bytes === 0 || (!isAsAsked && isTooLittle)) {
    console.log('kdump is enabled; it needs a reboot to take effect');
    return EXIT.done;
  }
  const { kernel, way } = armHost(host);
  console.log(`kdump is enabled: ${kernel} is loaded, by ${way}. No reboot required`);
  return EXIT.done;
}
