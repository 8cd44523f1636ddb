/** File systems made by their mkfs tools, read by our decoders. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';
import {
  memberSignature,
  otherSignature,
  type ReadBytes,
} from '../../../../capture/storage/device/signatures.ts';
import { decodeSuperblock, SUPERBLOCK_BYTES } from '../../../../capture/storage/device/superblock.ts';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';
const MIB = 1 << 20;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-superblock-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function image(sizeMib: number, tool: string, ...args: string[]): string {
  const path = join(directory, 'image');
  rmSync(path, { force: true });
  writeFileSync(path, '');
  truncateSync(path, sizeMib * MIB);
  execFileSync(findCommand(tool)!, [...args, path], { stdio: 'pipe' });
  return path;
}

function reader(path: string): ReadBytes {
  return (offset, lengthBytes) => {
    const fd = openSync(path, 'r');
    const bytes = new Uint8Array(lengthBytes);
    const got = readSync(fd, bytes, 0, lengthBytes, offset);
    closeSync(fd);
    return bytes.subarray(0, got);
  };
}

const FILE_SYSTEMS: readonly { tool: string; args: string[]; mib: number; found: object }[] = [
  {
    tool: 'mke2fs',
    args: ['-q', '-t', 'ext4', '-U', UUID, '-L', 'lab-root'],
    mib: 4,
    found: { fstype: 'ext4', uuid: UUID, label: 'lab-root', hasErrors: false },
  },
  {
    tool: 'mkfs.xfs',
    args: ['-q', '-m', `uuid=${UUID}`, '-L', 'lab-root'],
    mib: 300,
    found: { fstype: 'xfs', uuid: UUID, label: 'lab-root' },
  },
  {
    tool: 'mkfs.btrfs',
    args: ['-q', '-U', UUID, '-L', 'the lab’s'],
    mib: 128,
    found: { fstype: 'btrfs', uuid: UUID, label: 'the lab’s' },
  },
  ...[12, 16, 32].map(bits => ({
    tool: 'mkfs.vfat',
    args: ['-F', String(bits), '-i', '1A2B3C4D', '-n', 'LAB ROOT'],
    mib: bits === 12 ? 4 : 64,
    found: { fstype: 'vfat', uuid: '1a2b-3c4d', label: 'LAB ROOT' },
  })),
  {
    tool: 'mkfs.vfat',
    args: ['-i', '0000000F'],
    mib: 64,
    found: { fstype: 'vfat', uuid: '0000-000f', label: '' },
  },
];

describe.each(FILE_SYSTEMS)('$tool $args', ({ tool, args, mib, found }) => {
  // The lab installs these tools; without them these tests are skipped.
  test.skipIf(!findCommand(tool))(
    'gives its UUID and label, is no member of a larger device, and must not be overwritten',
    () => {
      const read = reader(image(mib, tool, ...args));
      expect(decodeSuperblock(read(0, SUPERBLOCK_BYTES))).toEqual(found);
      expect(memberSignature(read, mib * MIB)).toBeUndefined();
    },
  );
});

describe('a file system that needs more than its device', () => {
  const other = () => {
    const path = join(directory, 'other');
    rmSync(path, { force: true });
    writeFileSync(path, '');
    truncateSync(path, 128 * MIB);
    return path;
  };
  const decode = (path: string) => decodeSuperblock(reader(path)(0, SUPERBLOCK_BYTES))?.otherDevice;

  test.skipIf(!findCommand('mkfs.btrfs'))('btrfs on two devices', () => {
    const second = other();
    expect(decode(image(128, 'mkfs.btrfs', '-q', '-f', second))).toMatch(/spans several devices/);
    expect(decode(second)).toMatch(/spans several devices/);
  });

  test.skipIf(!findCommand('mkfs.xfs'))('XFS with its log, or a realtime part, elsewhere', () => {
    expect(decode(image(300, 'mkfs.xfs', '-q', '-l', `logdev=${other()},size=64m`))).toBe(
      'keeps its log on another device',
    );
    expect(decode(image(300, 'mkfs.xfs', '-q', '-r', `rtdev=${other()}`))).toBe('has a realtime device');
  });

  test('the journal of an ext4', () => {
    expect(decode(image(16, 'mke2fs', '-q', '-O', 'journal_dev'))).toBe('is the journal of another one');
    const path = image(16, 'mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal');
    execFileSync(findCommand('debugfs')!, ['-w', '-R', 'set_super_value journal_dev 0x801', path], {
      stdio: 'pipe',
    });
    expect(decode(path)).toBe('keeps its journal on another device');
  });

  test('cut at any field, nothing throws', () => {
    const bytes = reader(image(4, 'mke2fs', '-q', '-t', 'ext4'))(0, 0x600);
    for (let length = 0x43c; length < bytes.length; length++) decodeSuperblock(bytes.subarray(0, length));
  });
});

test('an ext4 that records errors', () => {
  const path = image(4, 'mke2fs', '-q', '-t', 'ext4');
  execFileSync(findCommand('debugfs')!, ['-w', '-R', 'set_super_value state 3', path], { stdio: 'pipe' });
  expect(decodeSuperblock(reader(path)(0, SUPERBLOCK_BYTES))?.hasErrors).toBe(true);
});

test.each([0, 1, 90, 0x439, 0x1000, SUPERBLOCK_BYTES])('%i zero bytes have none', length => {
  expect(decodeSuperblock(new Uint8Array(length))).toBeUndefined();
});

test('swap is not a file system and must not be overwritten', () => {
  const path = image(4, 'mkswap');
  const read = reader(path);
  expect(decodeSuperblock(read(0, SUPERBLOCK_BYTES))).toBeUndefined();
  expect(otherSignature(read, statSync(path).size)).toBe('swap');
});

describe('signatures', () => {
  const SIZE = 4 * MIB + 5 * 512;
  const holding = (offset: number, hex: string): ReadBytes => {
    const bytes = Buffer.alloc(SIZE);
    bytes.write(hex, offset, 'hex');
    return (at, length) => bytes.subarray(at, at + length);
  };

  test.each([
    ['1.1', 0],
    ['1.2', 4096],
    ['1.0', 4 * MIB - 8192],
    ['0.90', 4 * MIB - 65536],
  ])('a RAID member, version %s', (_, offset) => {
    expect(memberSignature(holding(offset, 'fc4e2ba9'), SIZE)).toBe('RAID member');
    expect(memberSignature(holding(offset + 1, 'fc4e2ba9'), SIZE)).toBeUndefined();
  });

  test.each([
    ['LVM physical volume', 512, Buffer.from('LABELONE').toString('hex')],
    ['LUKS container', 0, '4c554b53babe'],
  ])('%s', (name, offset, hex) => expect(memberSignature(holding(offset, hex), SIZE)).toBe(name));

  test.each([
    ['GUID partition table', 512, Buffer.from('EFI PART').toString('hex')],
    ['boot sector or partition table', 510, '55aa'],
    ['zfs member', 131 * 1024, '0cb1ba00'],
  ])('%s is no part, and not to be written over', (name, offset, hex) => {
    expect(memberSignature(holding(offset, hex), SIZE)).toBeUndefined();
    expect(otherSignature(holding(offset, hex), SIZE)).toBe(name);
  });

  test('a device of zeros has none, whatever its size', () => {
    for (const size of [0, 1, 512, 4096, SIZE]) {
      expect(otherSignature((_, length) => new Uint8Array(length), size)).toBeUndefined();
    }
  });
});
