import { expect, test } from 'vitest';
import { decodeSuperblock, isTarget, SUPERBLOCK_BYTES } from '../../../capture/target/superblock.ts';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';

function device(fields: Record<number, string | Buffer>): Buffer {
  const bytes = Buffer.alloc(SUPERBLOCK_BYTES);
  for (const [offset, value] of Object.entries(fields))
    Buffer.from(value as string).copy(bytes, Number(offset));
  return bytes;
}

const uuid = Buffer.from(UUID.replaceAll('-', ''), 'hex');
const EXT4 = device({ 1080: Buffer.from([0x53, 0xef]), 1128: uuid, 1144: 'root' });
const XFS = device({ 0: 'XFSB', 32: uuid, 108: 'root' });
const BTRFS = device({ 65600: '_BHRfS_M', 65568: uuid, 65835: 'root' });

test.each([
  ['ext4', EXT4],
  ['xfs', XFS],
  ['btrfs', BTRFS],
])('%s', (fstype, bytes) => {
  expect(decodeSuperblock(bytes)).toEqual({ fstype, uuid: UUID, label: 'root' });
});

test.each([0, 1, 0x439, 0x10047])('a device of %i bytes has none', length => {
  expect(decodeSuperblock(BTRFS.subarray(0, length))).toBeUndefined();
});

test.each([
  [`UUID=${UUID}`, true],
  [`UUID=${UUID.toUpperCase()}`, true],
  ['LABEL=root', true],
  ['LABEL=roo', false],
  ['LABEL=', false],
  ['UUID=', false],
  ['/dev/vda', false],
])('%s', (target, yes) => expect(isTarget(target, decodeSuperblock(EXT4)!)).toBe(yes));
