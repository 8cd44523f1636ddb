/** What a kernel must be configured with to crash and to capture in the lab: tables of options, without CONFIG_. */
import type { BusName } from '../disks/buses.ts';
import type { FileSystemName } from '../disks/file-systems.ts';

export interface Need {
  /** Without CONFIG_. */
  readonly option: string;
  readonly why: string;
  /** A driver, which may be a module of these names. Others must be built in. */
  readonly modules?: readonly string[];
  /** Which of the two kernels needs it; both by default. */
  readonly of?: Role;
  /** Another option that serves as well. */
  readonly or?: string;
  /** Options that Kconfig hides it behind: without them, setting it has no effect. */
  readonly behind?: readonly string[];
  /** Options that must go for it: the other choices of a Kconfig `choice`. */
  readonly insteadOf?: readonly string[];
  /** It must not be set. */
  readonly off?: true;
}

/** The kernel that crashes, and the one that captures. One kernel may be both. */
export type Role = 'first' | 'capture';

const UNSIGNED = 'a locked-down kernel loads no crash kernel without a signature';

export const ALWAYS: readonly Need[] = [
  { option: '64BIT', why: 'the guest’s programs are 64-bit' },
  {
    option: 'CRASH_DUMP',
    why: 'lets the kernel reserve memory for a crash kernel, and run as one',
    behind: ['KEXEC'],
  },
  { option: 'PROC_VMCORE', why: 'shows the crashed kernel’s memory to the capture', of: 'capture' },
  { option: 'RELOCATABLE', why: 'lets the crash kernel run in its reservation', of: 'capture' },
  { option: 'BLK_DEV_INITRD', why: 'both kernels start from an initrd' },
  { option: 'RD_GZIP', why: 'the image is compressed' },
  { option: 'DEVTMPFS', why: 'makes /dev' },
  { option: 'TMPFS', why: 'holds the guest’s memory to dump', behind: ['SHMEM'] },
  { option: 'PROC_FS', why: '/proc' },
  { option: 'SYSFS', why: '/sys' },
  { option: 'BINFMT_ELF', why: 'runs programs' },
  { option: 'BINFMT_SCRIPT', why: 'runs the guest’s init, a script' },
  { option: 'PRINTK', why: 'the kernel log' },
  { option: 'PCI', why: 'the disks are on PCI' },
  { option: 'MAGIC_SYSRQ', why: 'the default trigger, and the supervisor’s reboot', behind: ['TTY'] },
  { option: 'FUTEX', why: 'runs Node', of: 'capture' },
  { option: 'EPOLL', why: 'runs Node', of: 'capture' },
  { option: 'EVENTFD', why: 'runs Node', of: 'capture' },
  { option: 'UNIX', why: 'Node’s pipes to other programs', of: 'capture', behind: ['NET'] },
  {
    option: 'BLK_DEV_LOOP',
    why: 'mounts the capture image’s runtime',
    modules: ['loop'],
    of: 'capture',
    behind: ['BLOCK', 'BLK_DEV'],
  },
  {
    option: 'SQUASHFS',
    why: 'mounts the capture image’s runtime',
    modules: ['squashfs'],
    of: 'capture',
    behind: ['BLOCK', 'MISC_FILESYSTEMS'],
  },
  { option: 'SQUASHFS_ZSTD', why: 'unpacks the capture image’s runtime', of: 'capture' },
  { option: 'EXT4_FS', why: 'the guest’s own files', modules: ['ext4'], behind: ['BLOCK'] },
  { option: 'VIRTIO_PCI', why: 'disks', modules: ['virtio_pci'], behind: ['VIRTIO_MENU'] },
  { option: 'VIRTIO_BLK', why: 'disks', modules: ['virtio_blk'], behind: ['BLOCK', 'BLK_DEV'] },
  { option: 'KEXEC_SIG_FORCE', why: 'the lab signs no crash kernel', of: 'first', off: true },
  { option: 'LOCK_DOWN_KERNEL_FORCE_INTEGRITY', why: UNSIGNED, of: 'first', off: true },
  { option: 'LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY', why: UNSIGNED, of: 'first', off: true },
];

/** By Node's name of the architecture. */
export const OF_ARCH: Readonly<Record<string, readonly Need[]>> = {
  x64: [
    { option: 'KEXEC_FILE', why: 'loads the crash kernel', of: 'first' },
    { option: 'SERIAL_8250_CONSOLE', why: 'the console that the lab reads', behind: ['TTY', 'SERIAL_8250'] },
    { option: 'ACPI', why: 'powers the machine off' },
  ],
  // Debian's arm64 kernels have no kexec_file_load(2): kdumpling loads the crash kernel by itself there.
  arm64: [
    { option: 'KEXEC', why: 'loads the crash kernel', of: 'first' },
    {
      option: 'SERIAL_AMBA_PL011_CONSOLE',
      why: 'the console that the lab reads',
      behind: ['TTY', 'SERIAL_AMBA_PL011'],
    },
    { option: 'ARM_PSCI_FW', why: 'powers the machine off' },
  ],
};

export const OF_BUS: Readonly<Record<BusName, readonly Need[]>> = {
  'virtio-blk': [],
  'virtio-scsi': [
    {
      option: 'SCSI_VIRTIO',
      why: '--bus virtio-scsi',
      modules: ['virtio_scsi'],
      behind: ['SCSI', 'SCSI_LOWLEVEL'],
    },
    { option: 'BLK_DEV_SD', why: '--bus virtio-scsi', modules: ['sd_mod'], behind: ['SCSI'] },
  ],
  nvme: [{ option: 'BLK_DEV_NVME', why: '--bus nvme', modules: ['nvme'], behind: ['BLOCK'] }],
  ahci: [
    { option: 'SATA_AHCI', why: '--bus ahci', modules: ['ahci'], behind: ['ATA'] },
    { option: 'BLK_DEV_SD', why: '--bus ahci', modules: ['sd_mod'], behind: ['SCSI'] },
  ],
};

export const OF_FILE_SYSTEM: Readonly<Record<FileSystemName, readonly Need[]>> = {
  ext4: [],
  xfs: [{ option: 'XFS_FS', why: '--fs xfs', modules: ['xfs'], behind: ['BLOCK'] }],
  btrfs: [{ option: 'BTRFS_FS', why: '--fs btrfs', modules: ['btrfs'], behind: ['BLOCK'] }],
  vfat: [
    { option: 'VFAT_FS', why: '--fs vfat', modules: ['vfat'], behind: ['BLOCK'] },
    { option: 'NLS_CODEPAGE_437', why: '--fs vfat', modules: ['nls_cp437'] },
  ],
};

export const OF_LVM: readonly Need[] = [
  { option: 'BLK_DEV_DM', why: '--layout lvm', modules: ['dm_mod'], behind: ['BLOCK', 'MD'] },
];

/** Without these a kernel crashes and is captured, and its report says less. */
export const WISHES: readonly Need[] = [
  { option: 'KALLSYMS', why: 'the report cannot name functions', of: 'first' },
  { option: 'DEBUG_INFO_BTF', why: 'the report cannot show structures, locks or waiting tasks', of: 'first' },
];

/** `make tinyconfig` chooses SLOB before Linux 6.4. */
const OF_SLUB = { behind: ['SLUB'], insteadOf: ['SLOB'] } as const;

/** What a trigger's crash needs, by the trigger's name. */
export const OF_TRIGGER: Readonly<Record<string, readonly Need[]>> = {
  'other-cpu': [{ option: 'SMP', why: 'a second CPU' }],
  'hung-task': [{ option: 'DETECT_HUNG_TASK', why: 'notices the task', behind: ['DEBUG_KERNEL'] }],
  'machine-check': [{ option: 'X86_MCE', why: 'hears of the error' }],
  bug: [{ option: 'BUG', why: 'BUG() says where it is' }],
  warn: [{ option: 'BUG', why: 'WARN() does something' }],
  'stack-overflow': [{ option: 'VMAP_STACK', why: 'puts a guard page below the stack' }],
  'stack-protector': [{ option: 'STACKPROTECTOR', why: 'guards the stack frame' }],
  'corrupt-list': [
    { option: 'DEBUG_LIST', or: 'LIST_HARDENED', why: 'notices the list', behind: ['DEBUG_KERNEL'] },
  ],
  refcount: [{ option: 'BUG', why: 'the count’s WARN() does something' }],
  'use-after-free': [{ option: 'SLUB_DEBUG', why: 'poisons what is freed', ...OF_SLUB }],
  kfence: [{ option: 'KFENCE', why: 'notices the access', ...OF_SLUB }],
  usercopy: [{ option: 'HARDENED_USERCOPY', why: 'notices the copy', ...OF_SLUB }],
  'sleep-in-atomic': [
    {
      option: 'PREEMPT_COUNT',
      why: 'notices that code is atomic',
      behind: ['DEBUG_KERNEL', 'DEBUG_ATOMIC_SLEEP'],
    },
  ],
  'soft-lockup': [{ option: 'SOFTLOCKUP_DETECTOR', why: 'notices the CPU', behind: ['DEBUG_KERNEL'] }],
};
export const OF_MODULE: readonly Need[] = [
  { option: 'MODULES', why: 'loads the lab’s module' },
  { option: 'MODULE_SIG_FORCE', why: 'the lab’s module is not signed', off: true },
];
