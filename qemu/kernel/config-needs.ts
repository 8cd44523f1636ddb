/** What a kernel must be configured with to crash and to capture in the lab, and what of it a configuration lacks. */
import type { DiskKind } from '../disks/boot-disk.ts';
import type { BusName } from '../disks/buses.ts';
import type { FileSystemName } from '../disks/file-systems.ts';

interface Need {
  /** Without CONFIG_. */
  readonly option: string;
  readonly why: string;
  /** A driver, which may be a module of these names. Others must be built in. */
  readonly modules?: readonly string[];
}

const ALWAYS: readonly Need[] = [
  { option: '64BIT', why: 'the guest’s programs are 64-bit' },
  { option: 'KEXEC_FILE', why: 'loads the crash kernel' },
  { option: 'CRASH_DUMP', why: 'lets the kernel run as a crash kernel' },
  { option: 'PROC_VMCORE', why: 'shows the crashed kernel’s memory to the capture' },
  { option: 'RELOCATABLE', why: 'lets the crash kernel run in its reservation' },
  { option: 'BLK_DEV_INITRD', why: 'both kernels start from an initrd' },
  { option: 'DEVTMPFS', why: 'makes /dev' },
  { option: 'TMPFS', why: 'holds the guest’s memory to dump' },
  { option: 'PROC_FS', why: '/proc' },
  { option: 'SYSFS', why: '/sys' },
  { option: 'BINFMT_ELF', why: 'runs programs' },
  { option: 'BINFMT_SCRIPT', why: 'runs the guest’s init, a script' },
  { option: 'PRINTK', why: 'the kernel log' },
  { option: 'SERIAL_8250_CONSOLE', why: 'the console that the lab reads' },
  { option: 'PCI', why: 'the disks are on PCI' },
  { option: 'ACPI', why: 'powers the machine off' },
  { option: 'MAGIC_SYSRQ', why: 'the default trigger, and the supervisor’s reboot' },
  { option: 'FUTEX', why: 'Node' },
  { option: 'EPOLL', why: 'Node' },
  { option: 'EVENTFD', why: 'Node' },
  { option: 'UNIX', why: 'Node’s pipes to other programs' },
  { option: 'BLK_DEV_LOOP', why: 'the image’s runtime', modules: ['loop'] },
  { option: 'SQUASHFS', why: 'the image’s runtime', modules: ['squashfs'] },
  { option: 'SQUASHFS_ZSTD', why: 'the image’s runtime is compressed with zstd' },
  { option: 'EXT4_FS', why: 'the guest’s own files', modules: ['ext4'] },
  { option: 'VIRTIO_PCI', why: 'disks', modules: ['virtio_pci'] },
  { option: 'VIRTIO_BLK', why: 'disks', modules: ['virtio_blk'] },
];

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

export type Config = ReadonlyMap<string, string>;

/** `CONFIG_X=y` lines; what is not set is absent. Names without CONFIG_. */
export function parseConfig(text: string): Config {
  return new Map([...text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

function needsOf({ bus, fs, layout }: DiskKind): readonly Need[] {
  return [...ALWAYS, ...OF_BUS[bus], ...OF_FILE_SYSTEM[fs], ...(layout === 'lvm' ? OF_LVM : [])];
}

/** One line for each option that is missing, or that is a module where no module tree is at hand. */
export function configGaps(config: Config, disk: DiskKind, hasModules: boolean): string[] {
  return needsOf(disk).flatMap(({ option, why, modules }) => {
    const value = config.get(option);
    if (value === 'y' || (value === 'm' && modules && hasModules)) return [];
    if (value === 'm' && modules) return [`CONFIG_${option}=m, and there is no module tree: ${why}`];
    return [`CONFIG_${option}=y is missing: ${why}`];
  });
}

/** The names of drivers that are built in, for a kernel without a list of them. */
export function builtInDrivers(config: Config, disk: DiskKind): string[] {
  return needsOf(disk).flatMap(({ option, modules }) => (config.get(option) === 'y' ? (modules ?? []) : []));
}
