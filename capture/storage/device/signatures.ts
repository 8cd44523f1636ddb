/**
 * Signatures on block devices other than those of our file systems: members of larger devices, which must not be
 * mounted by themselves, and everything that a dump to a bare partition must not overwrite.
 * Sources: Linux md_p.h, drivers/md/bcache_ondisk.h, mm/swapfile.c, fs/*; lvm2 lib/format_text/layout.h; LUKS On-Disk Format.
 */

/** Reads `lengthBytes` at `offset` of a device; fewer at its end. */
export type ReadBytes = (offset: number, lengthBytes: number) => Uint8Array;

interface Signature {
  readonly name: string;
  /** From the start of the device; a function of its size for a signature at its end. */
  readonly offset: number | ((sizeBytes: number) => number);
  /** In hexadecimal. */
  readonly magic: string;
}

const SECTOR = 512;
const KIB = 1024;
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex');
const MD_MAGIC = 'fc4e2ba9';

/** A device with one of these is a member of a larger one. A superblock found on it describes that one. */
const MEMBERS: readonly Signature[] = [
  { name: 'RAID member', offset: 0, magic: MD_MAGIC },
  { name: 'RAID member', offset: 4 * KIB, magic: MD_MAGIC },
  // Version 1.0: 8 KiB before the end, aligned to 4 KiB. Version 0.90: the last whole 64 KiB block.
  { name: 'RAID member', offset: size => size - 8 * KIB - (size % (4 * KIB)), magic: MD_MAGIC },
  { name: 'RAID member', offset: size => size - (size % (64 * KIB)) - 64 * KIB, magic: MD_MAGIC },
  ...[0, 1, 2, 3].map(sector => ({
    name: 'LVM physical volume',
    offset: sector * SECTOR,
    magic: ascii('LABELONE'),
  })),
  { name: 'LUKS container', offset: 0, magic: `${ascii('LUKS')}babe` },
  { name: 'bcache device', offset: 0x1018, magic: 'c68573f64e1a45ca8265f57f48ba6d81' },
];

const OTHERS: readonly Signature[] = [
  { name: 'swap', offset: 4086, magic: ascii('SWAPSPACE2') },
  { name: 'swap', offset: 4086, magic: ascii('SWAP-SPACE') },
  { name: 'hibernated system', offset: 4086, magic: ascii('S1SUSPEND') },
  { name: 'GUID partition table', offset: SECTOR, magic: ascii('EFI PART') },
  { name: 'GUID partition table', offset: 4 * KIB, magic: ascii('EFI PART') },
  { name: 'boot sector or partition table', offset: 510, magic: '55aa' },
  { name: 'ntfs', offset: 3, magic: ascii('NTFS    ') },
  { name: 'exfat', offset: 3, magic: ascii('EXFAT   ') },
  { name: 'squashfs', offset: 0, magic: ascii('hsqs') },
  { name: 'erofs', offset: KIB, magic: 'e2e1f5e0' },
  { name: 'f2fs', offset: KIB, magic: '1020f5f2' },
  { name: 'nilfs2', offset: KIB + 6, magic: '3434' },
  { name: 'bcachefs', offset: 4 * KIB + 24, magic: 'c68573f666ce90a9d96a60cf803df7ef' },
  { name: 'jfs', offset: 32 * KIB, magic: ascii('JFS1') },
  { name: 'iso9660', offset: 32 * KIB + 1, magic: ascii('CD001') },
  { name: 'reiserfs', offset: 64 * KIB + 0x34, magic: ascii('ReIsEr') },
  { name: 'gfs2', offset: 64 * KIB, magic: '01161970' },
  ...[1, 2, 4, 8].map(sectors => ({
    name: 'ocfs2',
    offset: 2 * sectors * SECTOR,
    magic: ascii('OCFSV2'),
  })),
  // A ring of uberblocks begins at 128 KiB; each slot has at least 1 KiB.
  ...Array.from({ length: 128 }, (_, slot) => ({
    name: 'zfs member',
    offset: (128 + slot) * KIB,
    magic: '0cb1ba00',
  })),
];

/** The kind of larger device that this one is a member of, or undefined. */
export function memberSignature(read: ReadBytes, sizeBytes: number): string | undefined {
  return find(MEMBERS, read, sizeBytes);
}

/** Any signature here; `decodeSuperblock` has those of our file systems. */
export function otherSignature(read: ReadBytes, sizeBytes: number): string | undefined {
  return find([...MEMBERS, ...OTHERS], read, sizeBytes);
}

function find(signatures: readonly Signature[], read: ReadBytes, sizeBytes: number): string | undefined {
  return signatures.find(({ offset, magic }) => {
    const at = typeof offset === 'number' ? offset : offset(sizeBytes);
    const lengthBytes = magic.length / 2;
    if (at < 0 || at + lengthBytes > sizeBytes) return false;
    return Buffer.from(read(at, lengthBytes)).toString('hex') === magic;
  })?.name;
}
