/** The disk of the Debian guest: an MBR with the root file system, and with firmware's partition where UEFI boots. */
import { $ } from 'zx';
import { makeSparse, tool } from '../disks/file-systems.ts';

export const ROOT_UUID = '6b64756d-706c-696e-672d-64656269616e';
export const ESP_LABEL = 'ESP';
/** Size of the whole disk. Its first partition begins at 1 MiB, as with every partitioner. */
export const DISK_MIB = 6144;
export const PARTITION_OFFSET = 1 << 20;
const ESP_MIB = 64;
const SECTORS_OF_MIB = 2048;

/** Where the partitions are, in MiB; the root is the first one. */
export interface DiskPlan {
  readonly root: { readonly startMib: number; readonly sizeMib: number };
  readonly esp?: { readonly startMib: number; readonly sizeMib: number };
}

export function planDisk(uefi: boolean): DiskPlan {
  const startMib = PARTITION_OFFSET >> 20;
  if (!uefi) return { root: { startMib, sizeMib: DISK_MIB - startMib } };
  const espStartMib = DISK_MIB - ESP_MIB;
  return {
    root: { startMib, sizeMib: espStartMib - startMib },
    esp: { startMib: espStartMib, sizeMib: ESP_MIB },
  };
}

/** What sfdisk(8) reads. Type ef is the EFI system partition (UEFI specification, "Legacy Master Boot Record"). */
export function partitionTable({ root, esp }: DiskPlan): string {
  const line = ({ startMib, sizeMib }: DiskPlan['root'], rest: string) =>
    `start=${startMib * SECTORS_OF_MIB}, size=${sizeMib * SECTORS_OF_MIB}, ${rest}\n`;
  return `label: dos\n${line(root, 'type=83, bootable')}${esp ? line(esp, 'type=ef') : ''}`;
}

/** Makes a sparse raw image with the folder's files. */
export async function partitionedDisk(disk: string, folder: string, uefi: boolean): Promise<void> {
  const plan = planDisk(uefi);
  await makeSparse(disk, DISK_MIB);
  await $({ quiet: true, input: partitionTable(plan) })`sfdisk -q ${disk}`;
  await tool('mke2fs', [
    ...['-q', '-F', '-t', 'ext4', '-U', ROOT_UUID, '-L', 'root', '-d', folder],
    ...['-E', `offset=${PARTITION_OFFSET}`, disk, `${plan.root.sizeMib}M`],
  ]);
  if (!plan.esp) return;
  const { startMib, sizeMib } = plan.esp;
  // Clusters of one sector: with larger ones so small a file system has too few for FAT32. Its size is in KiB.
  const form = ['-F', '32', '-s', '1', '-n', ESP_LABEL, `--offset=${startMib * SECTORS_OF_MIB}`];
  await tool('mkfs.vfat', [...form, disk, String(sizeMib * 1024)]);
}
