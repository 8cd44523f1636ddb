/**
 * Every kind of layer that can be between a file system and the bus of its disk, one row each: how sysfs shows it, and
 * whether a capture can bring it up. A layer that matches no row is refused.
 * Sources: Linux drivers/md, drivers/scsi, drivers/nvme/host, drivers/block; lvm2 lib/activate/dev_manager.c (suffixes of UUIDs).
 */

export interface LayerKind {
  readonly pattern: RegExp;
  /** Completes "/dev/x is …". */
  readonly is: string;
  /** Why not, and what would work instead; absent for a supported kind. */
  readonly refused?: string;
  /** Needed besides the drivers that sysfs shows for devices. */
  readonly modules?: readonly string[];
}

const LOCAL_DISK = 'name a file system on a local disk in /etc/kdump.conf, like "ext4 UUID=…"';
const PLAIN =
  'name a file system on a partition or a linear logical volume of a local disk in /etc/kdump.conf, like "ext4 UUID=…"';
const LINEAR = `create a linear logical volume for dumps (lvcreate --type linear) and ${LOCAL_DISK}`;

/** Device-mapper devices, by UUID. Who sets a device up begins its UUID with a name of its own. */
export const MAPPED: readonly LayerKind[] = [
  { pattern: /^LVM-.*-(tpool|pool|tdata|tmeta)$/, is: 'an LVM thin pool', refused: LINEAR },
  { pattern: /^LVM-.*-(real|cow)$/, is: 'a part of an LVM snapshot or its origin', refused: LINEAR },
  { pattern: /^LVM-.*-(cdata|cmeta|cpool|cvol)$/, is: 'a part of an LVM cache', refused: LINEAR },
  { pattern: /^LVM-.*-(vpool|vdata)$/, is: 'an LVM VDO pool', refused: LINEAR },
  // Whether it is linear is in LVM's metadata; see scripts/lib/storage/logical-volumes.ts.
  { pattern: /^LVM-/, is: 'a logical volume', modules: ['dm_mod'] },
  { pattern: /^CRYPT-VERITY-/, is: 'verified by dm-verity and read-only', refused: PLAIN },
  { pattern: /^CRYPT-INTEGRITY-/, is: 'a dm-integrity device', refused: PLAIN },
  { pattern: /^CRYPT-/, is: 'encrypted', refused: PLAIN },
  { pattern: /^mpath-/, is: 'a multipath device', refused: PLAIN },
  { pattern: /^part\d+-/, is: 'a partition mapped by kpartx', refused: PLAIN },
  { pattern: /^DMRAID-/, is: 'a firmware RAID (dmraid)', refused: PLAIN },
  { pattern: /^stratis-/, is: 'a part of a Stratis pool', refused: PLAIN },
  { pattern: /^VDO-/, is: 'a VDO device', refused: PLAIN },
];

/** LVM's hidden volumes, by their device-mapper names: the parts of RAID volumes, mirrors and caches. */
export const HIDDEN_VOLUMES: readonly LayerKind[] = [
  { pattern: /_(rimage|rmeta)_\d+$/, is: 'a part of an LVM RAID volume', refused: LINEAR },
  { pattern: /_(mimage_\d+|mlog)$/, is: 'a part of an LVM mirror', refused: LINEAR },
  { pattern: /_(corig|cdata|cmeta|cvol)$/, is: 'a part of an LVM cache', refused: LINEAR },
  { pattern: /_(tdata|tmeta)$/, is: 'a part of an LVM thin pool', refused: LINEAR },
];

/** Block devices that are no disk, by their names in /sys/class/block. */
export const BLOCK_DEVICES: readonly LayerKind[] = [
  { pattern: /^loop\d/, is: 'backed by a file', refused: 'name the file system that the file is on' },
  { pattern: /^(ram|zram)\d/, is: 'memory, which does not survive a crash', refused: LOCAL_DISK },
  { pattern: /^pmem\d/, is: 'persistent memory', refused: LOCAL_DISK },
  { pattern: /^nbd\d/, is: 'a network block device (NBD)', refused: LOCAL_DISK },
  { pattern: /^rbd\d/, is: 'a Ceph block device (RBD)', refused: LOCAL_DISK },
  { pattern: /^drbd\d/, is: 'a DRBD device', refused: LOCAL_DISK },
  { pattern: /^etherd!/, is: 'reached by ATA over Ethernet', refused: LOCAL_DISK },
  { pattern: /^bcache\d/, is: 'a bcache device', refused: PLAIN },
  { pattern: /^zd\d/, is: 'a ZFS volume', refused: PLAIN },
  { pattern: /^ublkb\d/, is: 'served by a program (ublk)', refused: LOCAL_DISK },
  { pattern: /^(mtdblock|ubiblock)/, is: 'raw flash', refused: LOCAL_DISK },
  { pattern: /^nullb\d/, is: 'a test device without a disk (null_blk)', refused: LOCAL_DISK },
  { pattern: /^sr\d/, is: 'a CD or DVD drive', refused: LOCAL_DISK },
  { pattern: /^fd\d/, is: 'a floppy drive', refused: LOCAL_DISK },
];

const network = (pattern: RegExp, way: string): LayerKind => ({
  pattern,
  is: `reached over ${way}`,
  refused: LOCAL_DISK,
});

/** The devices between a disk and the root of its bus, by their names below /sys/devices. */
export const BUSES: readonly LayerKind[] = [
  // Directories that only group devices.
  { pattern: /^(block|nvme|nvme-subsystem|mmc_host|virtual|platform)$/, is: 'a class of devices' },
  { pattern: /^pci[0-9a-f]{4,}:[0-9a-f]{2}$/, is: 'a PCI bus' },
  { pattern: /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, is: 'on PCI' },
  { pattern: /^virtio\d+$/, is: 'a virtio device' },
  { pattern: /^virtio-mmio(-cmdline|\.\d+)$/, is: 'a virtio device in memory' },
  { pattern: /^(LNXSY(STM|BUS):\d\d|[A-Z0-9]{7,8}:[0-9a-f]{2}|device:[0-9a-f]{2,})$/, is: 'an ACPI device' },
  {
    pattern: /^(VMBUS:\d\d|vmbus_\d+_\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
    is: 'on Hyper-V’s VMBus',
  },
  { pattern: /^vbd-\d+$/, is: 'a Xen block device' },
  { pattern: /^(host\d+|target\d+:\d+:\d+|\d+:\d+:\d+:\d+)$/, is: 'a SCSI device' },
  { pattern: /^ata\d+$/, is: 'an ATA port' },
  { pattern: /^(port|expander|end_device)-\d+(:\d+){1,2}$/, is: 'on SAS' },
  { pattern: /^(nvme\d+|nvme-subsys\d+)$/, is: 'an NVMe controller' },
  { pattern: /^(usb\d+|\d+-[\d.]+|\d+-[\d.]+:\d+\.\d+)$/, is: 'on USB' },
  { pattern: /^(mmc\d+|mmc\d+:[0-9a-f]{4})$/, is: 'an MMC or SD device' },
  network(/^session\d+$/, 'iSCSI'),
  network(/^rport-/, 'Fibre Channel'),
  network(/^nvme-fabrics$/, 'a network (NVMe over Fabrics)'),
  network(/^rbd$/, 'a network (Ceph)'),
  { pattern: /^vdpa\d+$/, is: 'a vDPA device', refused: LOCAL_DISK },
  { pattern: /^(ndbus|region|namespace)\d/, is: 'persistent memory', refused: LOCAL_DISK },
  { pattern: /^(pseudo_\d+|adapter\d+)$/, is: 'simulated by scsi_debug', refused: LOCAL_DISK },
  { pattern: /^tcm_loop_/, is: 'a loopback of the SCSI target (LIO)', refused: LOCAL_DISK },
];

/** Of NVMe controllers, by the file `transport`. */
export const NVME_TRANSPORTS: readonly LayerKind[] = [
  { pattern: /^(pcie|apple-nvme)$/, is: 'an NVMe controller' },
  { pattern: /^loop$/, is: 'an NVMe loopback', refused: LOCAL_DISK },
  network(/^tcp$/, 'NVMe over TCP'),
  network(/^rdma$/, 'NVMe over RDMA'),
  network(/^fc$/, 'NVMe over Fibre Channel'),
];

/** Layers that no row describes. */
export const UNKNOWN = {
  mapped: (uuid: string) => unsupported(`a device-mapper device of kind ${uuid.split('-')[0] || 'unknown'}`),
  array: (level: string) => unsupported(`a RAID of level ${level}`),
  bus: (name: string) => unsupported(`on "${name}", which is not a known bus`),
} as const;
export const UNKNOWN_STACK = unsupported('stacked on other devices in an unknown way');
export const NOTHING_BELOW = unsupported('not on any disk');
export const READ_ONLY = unsupported('write-protected');
export const REMOVABLE = unsupported('a removable medium');

function unsupported(is: string): LayerKind {
  return { pattern: /^/, is, refused: PLAIN };
}
