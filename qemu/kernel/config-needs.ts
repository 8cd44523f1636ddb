/** What of a kernel's needs a configuration lacks. */
import type { ModuleTree } from '../../initrd/modules.ts';
import type { DiskKind } from '../disks/boot-disk.ts';
import { type LabArch, labArch } from '../machine/arch.ts';
import {
  ALWAYS,
  type Need,
  OF_ARCH,
  OF_BUS,
  OF_FILE_SYSTEM,
  OF_LVM,
  OF_MODULE,
  OF_TRIGGER,
  type Role,
  WISHES,
} from './needs.ts';

/** What is asked of a kernel. */
export interface Duties {
  readonly roles: readonly Role[];
  readonly disk: DiskKind;
  /** By default that of this machine. */
  readonly arch?: LabArch;
}

export type Config = ReadonlyMap<string, string>;

/** `CONFIG_X=y` lines; what is not set is absent. Names without CONFIG_. */
export function parseConfig(text: string): Config {
  return new Map([...text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

function needsOf({ disk: { bus, fs, layout }, roles, arch = labArch() }: Duties): readonly Need[] {
  const all = [
    ...ALWAYS,
    ...(OF_ARCH[arch.node] ?? []),
    ...OF_BUS[bus],
    ...OF_FILE_SYSTEM[fs],
    ...(layout === 'lvm' ? OF_LVM : []),
  ];
  return all.filter(({ of }) => of === undefined || roles.includes(of));
}

/** An option that is not as it must be. */
export interface Gap {
  readonly option: string;
  readonly text: string;
  /** What changes it, for the kernel's scripts/config: `-e VIRTIO_MENU`. Empty where only its module was not built. */
  readonly fix: readonly string[];
}

/** What is missing. @param modules undefined where there is no module tree */
export function configGaps(
  config: Config,
  duties: Duties,
  modules: Pick<ModuleTree, 'has'> | undefined,
): Gap[] {
  return needsOf(duties).flatMap(need => {
    const { option, why, modules: names } = need;
    if (config.get(option) !== 'm' || !names) return optionGap(config, need);
    const gap = (actual: string) => [{ option, text: `CONFIG_${option}=m, and ${actual}: ${why}`, fix: [] }];
    if (!modules) return gap('there is no module tree');
    const absent = names.filter(name => !modules.has(name));
    return absent.length === 0 ? [] : gap(`the module ${absent.join(', ')} was not built`);
  });
}

/** An option that is not `y`, or is where it must not be. */
function optionGap(config: Config, need: Need): Gap[] {
  const { option, why, or = option, off, behind = [], insteadOf = [] } = need;
  const isSet = [option, or].some(name => config.get(name) === 'y');
  if (off) return isSet ? [{ option, text: `CONFIG_${option}=y is set: ${why}`, fix: [`-d ${option}`] }] : [];
  if (isSet) return [];
  const hidden = behind.filter(name => config.get(name) !== 'y');
  const others = insteadOf.filter(name => config.get(name) === 'y').map(name => `-d ${name}`);
  const fix = [...others, ...[...hidden, option].map(name => `-e ${name}`)];
  return [{ option, text: `CONFIG_${option}=y is missing: ${why}`, fix }];
}

/** What a report of its crashes will lack. */
export function configWishes(config: Config, { roles }: Duties): string[] {
  const wishes = WISHES.filter(({ of }) => of === undefined || roles.includes(of));
  return wishes
    .filter(({ option }) => config.get(option) !== 'y')
    .map(({ option, why }) => `without CONFIG_${option}=y ${why}`);
}

/** What of a trigger decides whether a kernel can crash by it. */
export interface CrashWay {
  readonly name: string;
  readonly needsModule?: true;
}

/** What the kernel lacks to crash by this trigger. */
export function triggerGaps(config: Config, { name, needsModule }: CrashWay): Gap[] {
  return [...(needsModule ? OF_MODULE : []), ...(OF_TRIGGER[name] ?? [])].flatMap(need =>
    optionGap(config, need),
  );
}

/** The names of drivers that are built in, for a kernel without a list of them. */
export function builtInDrivers(config: Config, duties: Duties): string[] {
  return needsOf(duties).flatMap(({ option, modules }) =>
    config.get(option) === 'y' ? (modules ?? []) : [],
  );
}
