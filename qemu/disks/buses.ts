/** The buses for disks: QEMU's devices, the kernel's drivers and its names for disks. One row each. */

export interface Bus {
  readonly name: string;
  /** QEMU options that attach the drive with this id. `number` counts the disks on the bus from 0. */
  readonly devices: (drive: string, number: number) => readonly string[];
  readonly drivers: readonly string[];
  /** The kernel's name for a disk: `/dev/vda`. */
  readonly node: (number: number) => string;
  /** The kernel's name for the disk's first partition. */
  readonly partition: (node: string) => string;
}

const letter = (number: number) => String.fromCharCode('a'.charCodeAt(0) + number);
const plainPartition = (node: string) => `${node}1`;

export const BUSES = [
  {
    name: 'virtio-blk',
    devices: drive => ['-device', `virtio-blk-pci,drive=${drive}`],
    drivers: ['virtio_pci', 'virtio_blk'],
    node: number => `/dev/vd${letter(number)}`,
    partition: plainPartition,
  },
  {
    name: 'virtio-scsi',
    devices: (drive, number) => [
      ...['-device', `virtio-scsi-pci,id=scsi${number}`],
      ...['-device', `scsi-hd,drive=${drive},bus=scsi${number}.0`],
    ],
    drivers: ['virtio_pci', 'virtio_scsi', 'sd_mod'],
    node: number => `/dev/sd${letter(number)}`,
    partition: plainPartition,
  },
  {
    name: 'nvme',
    devices: drive => ['-device', `nvme,drive=${drive},serial=lab-${drive}`],
    drivers: ['nvme'],
    node: number => `/dev/nvme${number}n1`,
    partition: node => `${node}p1`,
  },
  {
    // The controller is LabArch's: QEMU's q35 machine has it. Debian's cloud kernel 6.1 has no driver for it; 6.1-generic and 7.x have.
    name: 'ahci',
    devices: (drive, number) => ['-device', `ide-hd,drive=${drive},bus=ide.${number}`],
    drivers: ['ahci', 'sd_mod'],
    node: number => `/dev/sd${letter(number)}`,
    partition: plainPartition,
  },
] as const satisfies readonly Bus[];

export type BusName = (typeof BUSES)[number]['name'];

export function busOf(name: BusName): Bus {
  return BUSES.find(bus => bus.name === name)!;
}
