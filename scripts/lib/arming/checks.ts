/** Whether a crash of this machine would be captured: one small check per row, the most basic ones first. */
import { describeError, Failure } from '../../../capture/errors.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import {
  fileSystemsOf,
  optionModulesOf,
  parseTargetSpec,
  targetSpec,
} from '../../../capture/options/target-spec.ts';
import { targetModules } from '../../../initrd/drivers.ts';
import { openModuleTree } from '../../../initrd/modules.ts';
import { describeBytes } from '../cli/sizes.ts';
import { leavesOutLent } from '../estimate/lending.ts';
import { crashkernelValue, judgeReservation, shortageOf } from '../estimate/reservation.ts';
import { lacksOf } from '../host/kernel-config.ts';
import { requireRuntimeOn } from '../image/lean-runtime.ts';
import { excessOf } from '../kexec/command-line.ts';
import { hostDiskDrivers } from '../storage/disk-drivers.ts';
import { ownershipFlaw } from '../storage/dump-path.ts';
import type { Facts } from './facts.ts';

export interface Finding {
  readonly check: string;
  /** True if a crash would not be captured; false for a warning. */
  readonly blocks: boolean;
  readonly text: string;
  /** How to fix it: a command, or an instruction. */
  readonly fix: string;
}

interface Check {
  readonly name: string;
  /** Not of an image, which no kernel runs. */
  readonly ofRunning?: true;
  /** What is wrong; undefined if nothing is. */
  look(facts: Facts): Omit<Finding, 'check'> | readonly Omit<Finding, 'check'>[] | undefined;
}

const block = (text: string, fix: string) => ({ blocks: true, text, fix });
const warn = (text: string, fix: string) => ({ blocks: false, text, fix });

/** A finding if a rebuild would refuse this. */
function blockIfRefused(work: () => void, fix: string) {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return block(describeError(error), fix);
  }
}

/** Checks whether this machine can be armed at all. */
const POSSIBLE: readonly Check[] = [
  {
    name: 'crash kernel',
    look: ({ isCrashKernel }) =>
      isCrashKernel
        ? block('this is a crash kernel itself', 'wait until the machine has rebooted')
        : undefined,
  },
  {
    name: 'kernel config',
    look({ kernelConfig, kver }) {
      const lacks = kernelConfig ? lacksOf(kernelConfig) : [];
      if (lacks.length === 0) return undefined;
      return block(
        `the kernel ${kver} was built without ${lacks.join(', ')}`,
        'install a kernel that has them',
      );
    },
  },
  {
    name: 'kexec',
    look: ({ host }) =>
      host.read('/proc/sys/kernel/kexec_load_disabled')?.trim() === '1'
        ? block('kernel.kexec_load_disabled is 1', 'remove that setting from /etc/sysctl.d and reboot')
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
    look: ({ configError }) => (configError ? block(configError, 'correct /etc/kdump.conf') : undefined),
  },
  {
    name: 'target',
    look({ host, target, targetError }) {
      if (targetError) return block(targetError, 'name a target in /etc/kdump.conf');
      if (target && !target.device && !host.isImage)
        return block(
          `the dump target ${target.target} does not exist`,
          'correct the target line in /etc/kdump.conf',
        );
      return undefined;
    },
  },
  { name: 'target', look: ({ targetFindings }) => targetFindings },
  {
    name: 'command line',
    look({ crashCommandLine }) {
      const excess = excessOf(crashCommandLine);
      return excess && block(`${excess.found}, and kexec takes ${excess.limit}`, excess.toDo);
    },
  },
  {
    name: 'modules',
    look({ host, modulesDirectory, target, targetFindings, settings }) {
      if (!target?.device || targetFindings.some(({ blocks }) => blocks)) return undefined;
      return blockIfRefused(() => {
        const tree = openModuleTree(host.path(modulesDirectory));
        const disks = hostDiskDrivers(host, tree, target, settings.options.fallbackTargets);
        const targets = [
          targetSpec(target.fstype, target.target, target.mountOptions),
          ...(settings.options.fallbackTargets ?? []).flatMap(text => parseTargetSpec(text) ?? []),
        ];
        targetModules(tree, fileSystemsOf(targets), disks);
        tree.closure(optionModulesOf(targets));
      }, 'install the modules, or name another target in /etc/kdump.conf');
    },
  },
  {
    name: 'layout',
    look({ host, target, settings }) {
      if (settings.layout !== 'lean' || !target?.device) return undefined;
      return blockIfRefused(
        () => requireRuntimeOn(host, target),
        'remove "layout lean" from /etc/kdump.conf',
      );
    },
  },
  {
    name: 'target',
    look({ target, mountedReadOnly }) {
      if (!target?.directory || !mountedReadOnly) return undefined;
      return warn(
        `${target.directory} is mounted read-only now`,
        'find out why; the capture mounts it read-write',
      );
    },
  },
  {
    name: 'dump directory',
    look({ host, target }) {
      const flaw = target?.directory && ownershipFlaw(host, target.directory);
      if (!flaw) return undefined;
      return warn(
        `${flaw}: dumps of other users are ignored, and dumps can be deleted`,
        `chown root:root ${target.directory} && chmod 755 ${target.directory}`,
      );
    },
  },
  {
    name: 'space',
    look({ target, roomBytes, dump }) {
      if (!target?.directory || !dump || roomBytes === undefined || roomBytes >= dump.usualBytes)
        return undefined;
      return warn(
        `${target.directory} has room for a dump of ${describeBytes(roomBytes)}, and a dump taken now would need about ${describeBytes(dump.usualBytes)}`,
        'free some space, or name a larger target in /etc/kdump.conf',
      );
    },
  },
];

/** Checks whether this machine is armed. */
const ARMED: readonly Check[] = [
  {
    name: 'enabled',
    look: ({ host, enabled }) =>
      enabled ? undefined : block('no memory will be reserved at the next boot', enableCommand(host)),
  },
  {
    name: 'reserved',
    ofRunning: true,
    look({ reserved, enabled, commandLineHas }) {
      if (reserved.bytes > 0) return undefined;
      if (commandLineHas)
        return block(
          'the kernel could not reserve the memory that crashkernel= requests',
          'kdumpling estimate',
        );
      return block(
        'this boot reserved no memory for a crash kernel',
        enabled ? 'reboot' : 'kdumpling enable',
      );
    },
  },
  {
    name: 'reserved',
    ofRunning: true,
    look({ reserved, reservation }) {
      const judgement = reserved.bytes > 0 ? judgeReservation(reserved, reservation) : undefined;
      return judgement === undefined ? undefined : warn(judgement, RESERVE_AGAIN);
    },
  },
  {
    name: 'reserved',
    ofRunning: true,
    look({ isLoaded, reserved, reservation }) {
      const shortage = isLoaded || reserved.bytes === 0 ? undefined : shortageOf(reserved, reservation);
      return shortage === undefined ? undefined : block(shortage, RESERVE_AGAIN);
    },
  },
  {
    name: 'reserved',
    ofRunning: true,
    look({ reserved: { cmaBytes }, settings }) {
      const level = settings.options.dumpLevel ?? DEFAULT_OPTIONS.dumpLevel;
      if (cmaBytes === 0 || leavesOutLent(level)) return undefined;
      return warn(
        `${crashkernelValue(cmaBytes)} of the memory are lent to processes until a crash (crashkernel=…,cma): a dump at level ${level} keeps pages of processes, but not those that are there`,
        RESERVE_AGAIN,
      );
    },
  },
  {
    name: 'initrd',
    look: ({ host, image, kver }) =>
      image
        ? undefined
        : block(`there is no dump-capture initrd for ${kver || 'any kernel'}`, buildCommand(host)),
  },
  {
    name: 'initrd',
    look: ({ host, image, imageIsCurrent }) =>
      image && imageIsCurrent === false
        ? warn(
            'the kernel, the config or the program has changed since the initrd was built',
            buildCommand(host),
          )
        : undefined,
  },
  {
    name: 'initrd',
    look: ({ host, image, imageDamage }) =>
      imageDamage === undefined
        ? undefined
        : block(`${image} is damaged: ${imageDamage}`, buildCommand(host)),
  },
  {
    name: 'loaded',
    ofRunning: true,
    look: ({ isLoaded }) =>
      isLoaded ? undefined : block('the crash kernel is not loaded', 'kdumpling load'),
  },
  {
    name: 'loaded',
    ofRunning: true,
    look({ isLoaded, image, imageSha256, crashCommandLine, loaded }) {
      if (!isLoaded || !image) return undefined;
      if (!loaded) return warn('kdumpling did not load the crash kernel that is loaded', 'kdumpling load');
      if (imageSha256 !== undefined && loaded.imageSha256 !== imageSha256)
        return warn('the initrd was rebuilt after the crash kernel was loaded', 'kdumpling load');
      if (loaded.commandLine !== crashCommandLine.text)
        return warn('the crash kernel was loaded with another command line', 'kdumpling load');
      return undefined;
    },
  },
];

const RESERVE_AGAIN = 'run `kdumpling enable --crashkernel auto` and reboot';

function enableCommand({ isImage, root }: Facts['host']): string {
  return isImage ? `kdumpling enable --root ${root}` : 'kdumpling enable';
}

function buildCommand({ isImage, root }: Facts['host']): string {
  return isImage ? `kdumpling rebuild --root ${root}` : 'kdumpling load';
}

/** In the order of the checks: fixing the first often fixes later ones. */
export function findingsOf(facts: Facts): Finding[] {
  return look([...POSSIBLE, ...ARMED], facts);
}

/** What prevents this machine from being armed, asked before anything is changed. */
export function obstaclesOf(facts: Facts): Finding[] {
  return look(POSSIBLE, facts).filter(({ blocks }) => blocks);
}

function look(checks: readonly Check[], facts: Facts): Finding[] {
  const asked = checks.filter(({ ofRunning }) => !(ofRunning && facts.host.isImage));
  return asked.flatMap(check => {
    const found = check.look(facts);
    return [found ?? []].flat().map(one => ({ check: check.name, ...one }));
  });
}
