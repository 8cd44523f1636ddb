/** Which drivers a dump-capture initrd needs, as data: for its own runtime image, for disks, for file systems. */
import type { ModuleTree } from './modules.ts';
import { ModuleError } from './modules.ts';

/** For the runtime image: a squashfs on a loop device. */
export const RUNTIME_DRIVERS = ['loop', 'squashfs'] as const;

/** Disks that a machine boots from. An image that is not built for one known disk holds all that its kernel has. */
export const DISK_DRIVERS = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'sd_mod',
  'nvme',
  'ahci',
  'ata_piix',
  'vmw_pvscsi',
  'mptspi',
  'hv_storvsc',
  'xen_blkfront',
  'mmc_block',
  'sdhci_pci',
  // Logical volumes; capture/target/lvm/.
  'dm_mod',
] as const;

/**
 * Hardware watchdogs that a first kernel may have left running; an image holds those that its kernel has, and loads them
 * first of all. Some are found through another driver (lpc_ich and i2c_i801 bring iTCO_wdt its device). ipmi_watchdog is
 * not among them: its interfaces take seconds to answer and megabytes of memory.
 */
export const WATCHDOG_DRIVERS = [
  'lpc_ich',
  'i2c_i801',
  'iTCO_wdt',
  'i6300esb',
  'sp5100_tco',
  'hpwdt',
  'wdat_wdt',
  'sbsa_gwdt',
  'xen_wdt',
] as const;

/** The kernel's own watchdog, a timer interrupt, for a machine without one in hardware. */
export const SOFT_WATCHDOG = 'softdog';

/** `wanted` are found by name only at run time (crypto API, character sets): taken where the kernel has them. */
const FILE_SYSTEMS: Readonly<Record<string, { needed: readonly string[]; wanted: readonly string[] }>> = {
  ext4: { needed: ['ext4'], wanted: ['crc32c_generic', 'crc32c_intel'] },
  xfs: { needed: ['xfs'], wanted: ['crc32c_generic', 'crc32c_intel'] },
  btrfs: {
    needed: ['btrfs'],
    wanted: ['crc32c_generic', 'crc32c_intel', 'xxhash_generic', 'blake2b_generic'],
  },
  vfat: { needed: ['vfat'], wanted: ['nls_cp437', 'nls_ascii', 'nls_iso8859-1', 'nls_utf8'] },
};

/** A partition of ours takes a dump without a file system. */
const RAW = 'raw';

export const FILE_SYSTEM_NAMES: readonly string[] = Object.keys(FILE_SYSTEMS);

/**
 * The modules to load before file systems on a disk can be mounted, in order.
 * @param disks drivers that must be there; undefined for whatever of DISK_DRIVERS this kernel has.
 * @throws ModuleError for a file system that we cannot write to, or a driver that is missing.
 */
export function targetModules(
  tree: ModuleTree,
  fstypes: readonly string[],
  disks: readonly string[] | undefined,
): string[] {
  const fileSystems = fstypes.filter(fstype => fstype !== RAW).map(fileSystemDrivers);
  const present = (drivers: readonly string[]) => drivers.filter(driver => tree.has(driver));
  return tree.closure([
    ...(disks ?? present(DISK_DRIVERS)),
    ...fileSystems.flatMap(({ needed, wanted }) => [...needed, ...present(wanted)]),
  ]);
}

function fileSystemDrivers(fstype: string) {
  if (Object.hasOwn(FILE_SYSTEMS, fstype)) return FILE_SYSTEMS[fstype];
  throw new ModuleError('UNKNOWN_FILE_SYSTEM', {
    action: `write dumps to ${fstype}`,
    actual: 'we have no driver list for that file system',
    wanted: `one of ${FILE_SYSTEM_NAMES.join(', ')}`,
  });
}
