/** Which drivers a dump-capture initrd needs: for its own runtime image, for disks, for file systems. */
import { FILE_SYSTEM_NAMES, fileSystemNamed } from '../capture/options/file-systems.ts';
import { ModuleError, type ModuleTree } from './modules.ts';

/** For the runtime image: a squashfs on a loop device. */
export const RUNTIME_DRIVERS = ['loop', 'squashfs'] as const;

/**
 * For memory that is swapped into memory, compressed; see early.sh. zram takes lzo-rle from the kernel's own compressors by default
 * (until Linux 6.11, Documentation/admin-guide/blockdev/zram.rst), where that may be a module of its own.
 */
export const COMPRESSED_SWAP_DRIVERS = ['lzo-rle', 'zram'] as const;

/** Disks that a machine boots from. An image that is not built for one known disk includes those that its kernel has. */
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
  // Logical volumes; see capture/storage/device/lvm/.
  'dm_mod',
] as const;

/**
 * Hardware watchdogs that the first kernel may have left running. An image includes those that its kernel has and loads
 * them first. lpc_ich and i2c_i801 create the device that iTCO_wdt binds to. ipmi_watchdog is not listed: its interfaces
 * take seconds to answer and megabytes of memory.
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

/** The kernel's own watchdog, driven by a timer interrupt, for a machine without a hardware watchdog. */
export const SOFT_WATCHDOG = 'softdog';

/**
 * The modules to load before a target can be used, in order.
 * @param fileSystems names of rows in capture/options/file-systems.ts; none for a partition without a file system.
 * @param disks drivers that must be there; undefined for all of DISK_DRIVERS that this kernel has.
 * @throws ModuleError for an unknown file system, or a driver that is missing.
 */
export function targetModules(
  tree: ModuleTree,
  fileSystems: readonly string[],
  disks: readonly string[] | undefined,
): string[] {
  const rows = fileSystems.map(moduleNames);
  const present = (drivers: readonly string[]) => drivers.filter(driver => tree.has(driver));
  return tree.closure([
    ...(disks ?? present(DISK_DRIVERS)),
    ...rows.flatMap(({ required, optional }) => [...required, ...present(optional)]),
  ]);
}

function moduleNames(fstype: string) {
  const row = fileSystemNamed(fstype);
  if (row) return row.modules;
  throw new ModuleError('UNKNOWN_FILE_SYSTEM', {
    action: `write dumps to ${fstype}`,
    actual: 'this file system is not supported',
    wanted: `one of ${FILE_SYSTEM_NAMES.join(', ')}`,
  });
}
