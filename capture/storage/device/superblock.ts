/**
 * Which file system lies on a block device, with its UUID and label, read from its superblock.
 * Offsets: Linux fs/ext4/ext4.h, fs/xfs/libxfs/xfs_format.h, include/uapi/linux/btrfs_tree.h, include/uapi/linux/msdos_fs.h.
 */

export interface Superblock {
  readonly fstype: string;
  /** Lower case, as `blkid` writes it but for the case: with dashes; `1a2b-3c4d` for vfat. */
  readonly uuid: string;
  readonly label: string;
  /** The file system says of itself that errors were found in it. */
  readonly hasErrors?: boolean;
}

/** How many bytes from the start of a device `decodeSuperblock` wants to see. */
export const SUPERBLOCK_BYTES = 0x10000 + 0x1000;

interface SuperblockLayout {
  readonly fstype: string;
  /** All of them must be there. Bytes in hexadecimal. */
  readonly magics: readonly { readonly offset: number; readonly bytes: string }[];
  readonly uuidOffset: number;
  readonly uuidBytes: 16 | 4;
  readonly labelOffset: number;
  readonly labelBytes: number;
}

const BOOT_SECTOR = { offset: 510, bytes: '55aa' };

const LAYOUTS: readonly SuperblockLayout[] = [
  {
    fstype: 'ext4',
    magics: [{ offset: 0x400 + 0x38, bytes: '53ef' }],
    uuidOffset: 0x400 + 0x68,
    uuidBytes: 16,
    labelOffset: 0x400 + 0x78,
    labelBytes: 16,
  },
  {
    fstype: 'xfs',
    magics: [{ offset: 0, bytes: '58465342' }],
    uuidOffset: 32,
    uuidBytes: 16,
    labelOffset: 108,
    labelBytes: 12,
  },
  {
    fstype: 'btrfs',
    magics: [{ offset: 0x10000 + 0x40, bytes: '5f42485266535f4d' }],
    uuidOffset: 0x10000 + 0x20,
    uuidBytes: 16,
    labelOffset: 0x10000 + 0x12b,
    labelBytes: 256,
  },
  {
    fstype: 'vfat', // FAT32
    magics: [BOOT_SECTOR, { offset: 82, bytes: '4641543332202020' }],
    uuidOffset: 67,
    uuidBytes: 4,
    labelOffset: 71,
    labelBytes: 11,
  },
  {
    fstype: 'vfat', // FAT12, FAT16
    magics: [BOOT_SECTOR, { offset: 54, bytes: '464154' }],
    uuidOffset: 39,
    uuidBytes: 4,
    labelOffset: 43,
    labelBytes: 11,
  },
];

const EXT4_STATE_OFFSET = 0x400 + 0x3a;
const EXT4_ERROR_FS = 2;
/** What mkfs.fat writes for "none". */
const FAT_NO_LABEL = 'NO NAME';

/** @param bytes the first bytes of a device, SUPERBLOCK_BYTES of them or what there is. */
export function decodeSuperblock(bytes: Uint8Array): Superblock | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const layout = LAYOUTS.find(({ magics }) => magics.every(magic => hasMagic(buffer, magic)));
  if (!layout) return undefined;
  const { fstype, uuidOffset, uuidBytes, labelOffset, labelBytes } = layout;
  const uuid =
    uuidBytes === 16
      ? uuidText(buffer.subarray(uuidOffset, uuidOffset + uuidBytes))
      : serialText(buffer.readUInt32LE(uuidOffset));
  const text = buffer.toString('utf8', labelOffset, labelOffset + labelBytes).replace(/\0.*$/s, '');
  if (fstype === 'vfat') {
    const label = text.trimEnd();
    return { fstype, uuid, label: label === FAT_NO_LABEL ? '' : label };
  }
  if (fstype !== 'ext4') return { fstype, uuid, label: text };
  return {
    fstype,
    uuid,
    label: text,
    hasErrors: (buffer.readUInt16LE(EXT4_STATE_OFFSET) & EXT4_ERROR_FS) !== 0,
  };
}

function hasMagic(buffer: Buffer, { offset, bytes }: { offset: number; bytes: string }): boolean {
  return buffer.toString('hex', offset, offset + bytes.length / 2) === bytes;
}

/** 16 bytes in the order of the text. */
function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function serialText(serial: number): string {
  return serial
    .toString(16)
    .padStart(8, '0')
    .replace(/^(.{4})/, '$1-');
}
