/** Whether a crash of this machine would be captured: one small check a row, from what is deepest up. */
import { describeError, Failure } from '../../../capture/errors.ts';
import { targetModules } from '../../../initrd/drivers.ts';
import { openModuleTree } from '../../../initrd/modules.ts';
import { describeBytes } from '../cli/sizes.ts';
import { judgeReservation } from '../estimate/reservation.ts';
import { lacksOf } from '../host/kernel-config.ts';
import { requireRuntimeOn } from '../image/lean-runtime.ts';
import { hostDiskDrivers } from '../storage/disk-drivers.ts';
import type { Facts } from './facts.ts';

export interface Finding {
  readonly check: string;
  /** A crash would not be captured. Else it is worth knowing. */
  readonly blocks: boolean;
  readonly text: string;
  /** A command, or words. */
  readonly mend: string;
}

interface Check {
  readonly name: string;
  /** What is wrong, if anything. */
  look(facts: Facts): Omit<Finding, 'check'> | undefined;
}

const block = (text: string, mend: string) => ({ blocks: true, text, mend });
const warn = (text: string, mend: string) => ({ blocks: false, text, mend });

/** What a rebuild would refuse, as a finding. */
function blockIfRefused(work: () => void, mend: string) {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return block(describeError(error), mend);
  }
}

/** Whether this machine can be armed at all. */
const POSSIBLE: readonly Check[] = [
  {
    name: 'crash kernel',
    look: ({ isCrashKernel }) =>
      isCrashKernel ? block('this is a crash kernel itself', 'wait for the machine to reboot') : undefined,
  },
  {
    name: 'kernel config',
    look({ kernelConfig, kver }) {
      const lacks = kernelConfig ? lacksOf(kernelConfig) : [];
      if (lacks.length === 0) return undefined;
      return block(
        `the kernel ${kver} was built without ${lacks.join(', ')}`,
        'install a kernel that has it',
      );
    },
  },
  {
    name: 'kexec',
    look: ({ host }) =>
      host.read('/proc/sys/kernel/kexec_load_disabled')?.trim() === '1'
        ? block('kernel.kexec_load_disabled is 1', 'take that setting out (/etc/sysctl.d) and reboot')
        : undefined,
  },
  {
    name: 'Secure Boot',
    look({ isSecureBoot, lockdown, kernelConfig }) {
      const locked = isSecureBoot || lockdown !== 'none';
      if (!locked || !kernelConfig || kernelConfig.get('CONFIG_KEXEC_FILE') === 'y') return undefined;
      return block(
        `${isSecureBoot ? 'Secure Boot is on' : `the kernel is locked down (${lockdown})`} and the kernel has no kexec_file_load`,
        "install the distribution's signed kernel with CONFIG_KEXEC_FILE",
      );
    },
  },
  {
    name: 'config',
    look: ({ configError }) => (configError ? block(configError, 'mend /etc/kdump.conf') : undefined),
  },
  {
    name: 'target',
    look({ target, targetError }) {
      if (targetError) return block(targetError, 'name a target in /etc/kdump.conf');
      if (target && !target.device)
        return block(
          `the dump target ${target.target} is not there`,
          'mend the target line in /etc/kdump.conf',
        );
      return undefined;
    },
  },
  {
    name: 'modules',
    look({ host, modulesDirectory, target, settings }) {
      if (!target?.device) return undefined;
      return blockIfRefused(() => {
        const tree = openModuleTree(host.path(modulesDirectory));
        const disks = hostDiskDrivers(host, tree, target, settings.options.fallbackTargets);
        targetModules(tree, [target.fstype], disks);
      }, 'install the modules, or name another target in /etc/kdump.conf');
    },
  },
  {
    name: 'layout',
    look({ host, target, settings }) {
      if (settings.layout !== 'lean' || !target?.device) return undefined;
      return blockIfRefused(
        () => requireRuntimeOn(host, target),
        'take "layout lean" out of /etc/kdump.conf',
      );
    },
  },
  {
    name: 'target',
    look({ target, mountedReadOnly }) {
      if (!target?.directory || !mountedReadOnly) return undefined;
      return warn(`${target.directory} is mounted read-only now`, 'see why; the capture mounts it to write');
    },
  },
  {
    name: 'space',
    look({ target, roomBytes, dump }) {
      if (!target?.directory || roomBytes === undefined || roomBytes >= dump.usualBytes) return undefined;
      return warn(
        `a dump may take ${describeBytes(roomBytes)} in ${target.directory}, and one now would take about ${describeBytes(dump.usualBytes)}`,
        'make room, or name a larger target in /etc/kdump.conf',
      );
    },
  },
];

/** Whether it is armed. */
const ARMED: readonly Check[] = [
  {
    name: 'enabled',
    look: ({ enabled }) =>
      enabled ? undefined : block('nothing reserves memory at the next boot', 'kdumpling enable'),
  },
  {
    name: 'reserved',
    look({ reservedBytes, enabled, commandLineHas }) {
      if (reservedBytes > 0) return undefined;
      if (commandLineHas)
        return block('the kernel could not reserve what crashkernel= asks for', 'kdumpling estimate');
      return block(
        'no memory is reserved for a crash kernel in this boot',
        enabled ? 'reboot' : 'kdumpling enable',
      );
    },
  },
  {
    name: 'reserved',
    look({ reservedBytes, reservation }) {
      const judgement = reservedBytes > 0 ? judgeReservation(reservedBytes, reservation) : undefined;
      return judgement === undefined
        ? undefined
        : warn(judgement, 'kdumpling enable --crashkernel auto, and reboot');
    },
  },
  {
    name: 'initrd',
    look: ({ image, kver }) =>
      image ? undefined : block(`there is no dump-capture initrd for ${kver}`, 'kdumpling load'),
  },
  {
    name: 'initrd',
    look: ({ image, imageIsCurrent }) =>
      image && imageIsCurrent === false
        ? warn('the kernel, the config or the program changed since the initrd was built', 'kdumpling load')
        : undefined,
  },
  {
    name: 'loaded',
    look: ({ isLoaded }) =>
      isLoaded ? undefined : block('the crash kernel is not loaded', 'kdumpling load'),
  },
];

/** In the checks' order: mended from the first on, the later ones mostly mend themselves. */
export function findingsOf(facts: Facts): Finding[] {
  return look([...POSSIBLE, ...ARMED], facts);
}

/** What keeps this machine from being armed, before anything is changed for it. */
export function obstaclesOf(facts: Facts): Finding[] {
  return look(POSSIBLE, facts).filter(({ blocks }) => blocks);
}

function look(checks: readonly Check[], facts: Facts): Finding[] {
  return checks.flatMap(check => {
    const found = check.look(facts);
    return found ? [{ check: check.name, ...found }] : [];
  });
}
