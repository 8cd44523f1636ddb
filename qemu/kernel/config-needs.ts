/** What a kernel must be configured with to crash and to capture in the lab, and what of it a configuration lacks. */
import type { ModuleTree } from '../../initrd/modules.ts';
import type { DiskKind } from '../disks/boot-disk.ts';
import type { BusName } from '../disks/buses.ts';
import type { FileSystemName } from '../disks/file-systems.ts';
import { type LabArch, labArch } from '../machine/arch.ts';

interface Need {
  /** Without CONFIG_. */
  readonly option: string;
  readonly why: string;
  /** A driver, which may be a module of these names. Others must be built in. */
  readonly modules?: readonly string[];
  /** Which of the two kernels needs it; both by default. */
  readonly of?: Role;
  /** Another option that serves as well. */
  readonly or?: string;
}

/** The kernel that crashes, and the one that captures. One kernel may be both. */
export type Role = 'first' | 'capture';

/** What is asked of a kernel. */
export interface Duties {
  readonly roles: readonly Role[];
  readonly disk: DiskKind;
  /** By default that of this machine. */
  readonly arch?: LabArch;
}

const ALWAYS: readonly Need[] = [
  { option: '64BIT', why: 'the guest’s programs are 64-bit' },
  { option: 'CRASH_DUMP', why: 'lets the kernel reserve memory for a crash kernel, and run as one' },
  { option: 'PROC_VMCORE', why: 'shows the crashed kernel’s memory to the capture', of: 'capture' },
  { option: 'RELOCATABLE', why: 'lets the crash kernel run in its reservation', of: 'capture' },
  { option: 'BLK_DEV_INITRD', why: 'both kernels start from an initrd' },
  { option: 'RD_GZIP', why: 'the image is compressed' },
  { option: 'DEVTMPFS', why: 'makes /dev' },
  { option: 'TMPFS', why: 'holds the guest’s memory to dump' },
  { option: 'PROC_FS', why: '/proc' },
  { option: 'SYSFS', why: '/sys' },
  { option: 'BINFMT_ELF', why: 'runs programs' },
  { option: 'BINFMT_SCRIPT', why: 'runs the guest’s init, a script' },
  { option: 'PRINTK', why: 'the kernel log' },
  { option: 'PCI', why: 'the disks are on PCI' },
  { option: 'MAGIC_SYSRQ', why: 'the default trigger, and the supervisor’s reboot' },
  { option: 'FUTEX', why: 'runs Node', of: 'capture' },
  { option: 'EPOLL', why: 'runs Node', of: 'capture' },
  { option: 'EVENTFD', why: 'runs Node', of: 'capture' },
  { option: 'UNIX', why: 'Node’s pipes to other programs', of: 'capture' },
  { option: 'BLK_DEV_LOOP', why: 'mounts the capture image’s runtime', modules: ['loop'], of: 'capture' },
  { option: 'SQUASHFS', why: 'mounts the capture image’s runtime', modules: ['squashfs'], of: 'capture' },
  { option: 'SQUASHFS_ZSTD', why: 'unpacks the capture image’s runtime', of: 'capture' },
  { option: 'EXT4_FS', why: 'the guest’s own files', modules: ['ext4'] },
  { option: 'VIRTIO_PCI', why: 'disks', modules: ['virtio_pci'] },
  { option: 'VIRTIO_BLK', why: 'disks', modules: ['virtio_blk'] },
];

/** By Node's name of the architecture. */
const OF_ARCH: Readonly<Record<string, readonly Need[]>> = {
  x64: [
    { option: 'KEXEC_FILE', why: 'loads the crash kernel', of: 'first' },
    { option: 'SERIAL_8250_CONSOLE', why: 'the console that the lab reads' },
    { option: 'ACPI', why: 'powers the machine off' },
  ],
  // Debian's arm64 kernels have no kexec_file_load(2): kdumpling loads the crash kernel by itself there.
  arm64: [
    { option: 'KEXEC', why: 'loads the crash kernel', of: 'first' },
    { option: 'SERIAL_AMBA_PL011_CONSOLE', why: 'the console that the lab reads' },
    { option: 'ARM_PSCI_FW', why: 'powers the machine off' },
  ],
};

const OF_BUS: Readonly<Record<BusName, readonly Need[]>> = {
  'virtio-blk': [],
  'virtio-scsi': [
    { option: 'SCSI_VIRTIO', why: '--bus virtio-scsi', modules: ['virtio_scsi'] },
    { option: 'BLK_DEV_SD', why: '--bus virtio-scsi', modules: ['sd_mod'] },
  ],
  nvme: [{ option: 'BLK_DEV_NVME', why: '--bus nvme', modules: ['nvme'] }],
  ahci: [
    { option: 'SATA_AHCI', why: '--bus ahci', modules: ['ahci'] },
    { option: 'BLK_DEV_SD', why: '--bus ahci', modules: ['sd_mod'] },
  ],
};

const OF_FILE_SYSTEM: Readonly<Record<FileSystemName, readonly Need[]>> = {
  ext4: [],
  xfs: [{ option: 'XFS_FS', why: '--fs xfs', modules: ['xfs'] }],
  btrfs: [{ option: 'BTRFS_FS', why: '--fs btrfs', modules: ['btrfs'] }],
  vfat: [
    { option: 'VFAT_FS', why: '--fs vfat', modules: ['vfat'] },
    { option: 'NLS_CODEPAGE_437', why: '--fs vfat', modules: ['nls_cp437'] },
  ],
};

const OF_LVM: readonly Need[] = [{ option: 'BLK_DEV_DM', why: '--layout lvm', modules: ['dm_mod'] }];

/** Without these a kernel crashes and is captured, and its report says less. */
const WISHES: readonly Need[] = [
  { option: 'KALLSYMS', why: 'the report cannot name functions', of: 'first' },
  { option: 'DEBUG_INFO_BTF', why: 'the report cannot show structures, locks or waiting tasks', of: 'first' },
];

/** What a trigger's crash needs, by the trigger's name. */
const OF_TRIGGER: Readonly<Record<string, readonly Need[]>> = {
  'other-cpu': [{ option: 'SMP', why: 'a second CPU' }],
  'hung-task': [{ option: 'DETECT_HUNG_TASK', why: 'notices the task' }],
  'machine-check': [{ option: 'X86_MCE', why: 'hears of the error' }],
  bug: [{ option: 'BUG', why: 'BUG() says where it is' }],
  warn: [{ option: 'BUG', why: 'WARN() does something' }],
  'stack-overflow': [{ option: 'VMAP_STACK', why: 'puts a guard page below the stack' }],
  'stack-protector': [{ option: 'STACKPROTECTOR', why: 'guards the stack frame' }],
  'corrupt-list': [{ option: 'DEBUG_LIST', or: 'LIST_HARDENED', why: 'notices the list' }],
  refcount: [{ option: 'BUG', why: 'the count’s WARN() does something' }],
  'use-after-free': [{ option: 'SLUB_DEBUG', why: 'poisons what is freed' }],
  kfence: [{ option: 'KFENCE', why: 'notices the access' }],
  usercopy: [{ option: 'HARDENED_USERCOPY', why: 'notices the copy' }],
  'sleep-in-atomic': [{ option: 'PREEMPT_COUNT', why: 'notices that code is atomic' }],
  'soft-lockup': [{ option: 'SOFTLOCKUP_DETECTOR', why: 'notices the CPU' }],
};
const OF_MODULE: readonly Need[] = [{ option: 'MODULES', why: 'loads the lab’s module' }];

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
}

/** What is missing. @param modules undefined where there is no module tree */
export function configGaps(
  config: Config,
  duties: Duties,
  modules: Pick<ModuleTree, 'has'> | undefined,
): Gap[] {
  return needsOf(duties).flatMap(({ option, why, modules: names }) => {
    const value = config.get(option);
    if (value === 'y') return [];
    if (value !== 'm' || !names) return [{ option, text: `CONFIG_${option}=y is missing: ${why}` }];
    if (!modules) return [{ option, text: `CONFIG_${option}=m, and there is no module tree: ${why}` }];
    const absent = names.filter(name => !modules.has(name));
    if (absent.length === 0) return [];
    return [
      { option, text: `CONFIG_${option}=m, and the module ${absent.join(', ')} was not built: ${why}` },
    ];
  });
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
  return [...(needsModule ? OF_MODULE : []), ...(OF_TRIGGER[name] ?? [])]
    .filter(({ option, or = option }) => config.get(option) !== 'y' && config.get(or) !== 'y')
    .map(({ option, why }) => ({ option, text: `CONFIG_${option}=y is missing: ${why}` }));
}

/** The names of drivers that are built in, for a kernel without a list of them. */
export function builtInDrivers(config: Config, duties: Duties): string[] {
  return needsOf(duties).flatMap(({ option, modules }) =>
    config.get(option) === 'y' ? (modules ?? []) : [],
  );
}
