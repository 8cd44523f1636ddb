/**
 * Which file system lies on a block device, with its UUID and label, read from its superblock.
 * Offsets: Linux fs/ext4/ext4.h, fs/xfs/libxfs/xfs_format.h, include/uapi/linux/btrfs_tree.h.
 */

export interface Superblock {
  readonly fstype: string;
  /** Lower case, with dashes. */
  readonly uuid: string;
  readonly label: string;
}

/** How many bytes from the start of a device `decodeSuperblock` wants to see. */
export const SUPERBLOCK_BYTES = 0x10000 + 0x1000;

interface SuperblockLayout {
  readonly fstype: string;
  readonly magicOffset: number;
  readonly magic: string;
  readonly uuidOffset: number;
  readonly labelOffset: number;
  readonly labelBytes: number;
}

const LAYOUTS: readonly SuperblockLayout[] = [
  {
    fstype: 'ext4',
    magicOffset: 0x400 + 0x38,
    magic: '53ef',
    uuidOffset: 0x400 + 0x68,
    labelOffset: 0x400 + 0x78,
    labelBytes: 16,
  },
  { fstype: 'xfs', magicOffset: 0, magic: '58465342', uuidOffset: 32, labelOffset: 108, labelBytes: 12 },
  {
    fstype: 'btrfs',
    magicOffset: 0x10000 + 0x40,
    magic: '5f42485266535f4d',
    uuidOffset: 0x10000 + 0x20,
    labelOffset: 0x10000 + 0x12b,
    labelBytes: 256,
  },
];

/** @param bytes the first bytes of a device, SUPERBLOCK_BYTES of them or what there is. */
export function decodeSuperblock(bytes: Uint8Array): Superblock | undefined {
  const hex = (offset: number, length: number) =>
    Buffer.from(bytes.subarray(offset, offset + length)).toString('hex');
  for (const { fstype, magicOffset, magic, uuidOffset, labelOffset, labelBytes } of LAYOUTS) {
    if (hex(magicOffset, magic.length / 2) !== magic) continue;
    const uuid = hex(uuidOffset, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    const label = Buffer.from(bytes.subarray(labelOffset, labelOffset + labelBytes)).toString('utf8');
    return { fstype, uuid, label: label.replace(/\0.*$/s, '') };
  }
  return undefined;
}

/** Whether `target` (`UUID=…`, `LABEL=…`) names this file system. */
export function isTarget(target: string, superblock: Superblock): boolean {
  const [kind, value] = target.split(/=(.*)/s);
  if (kind === 'UUID') return value.toLowerCase() === superblock.uuid;
  return kind === 'LABEL' && value === superblock.label;
}
