/** A partition of ours, played by a file: what the capture writes, the host's command takes out. */
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { otherSignature } from '../../../../../capture/storage/device/signatures.ts';
import {
  decodeSlot,
  encodeSlot,
  FILES_OFFSET,
  readContents,
  SLOT_BYTES,
} from '../../../../../capture/storage/place/raw/layout.ts';
import { openRawPartition } from '../../../../../capture/storage/place/raw/partition.ts';
import {
  clearPartition,
  extractPartition,
  markPartition,
} from '../../../../../scripts/lib/recover/partition.ts';

const SIZE = 32 << 20;
const SLOT = {
  generation: 7,
  stamp: '20261126T104332Z',
  files: [{ name: 'vmcore', offset: FILES_OFFSET, bytes: 4097, crc32: '1a2b3c4d' }],
};

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-raw-'));
  path = join(directory, 'partition');
  writeFileSync(path, '');
  truncateSync(path, SIZE);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function poke(offset: number, bytes: Buffer): void {
  const all = readFileSync(path);
  bytes.copy(all, offset);
  writeFileSync(path, all);
}

/** Writes one dump as a capture does. */
function capture({ commit = true } = {}): void {
  const partition = openRawPartition(path, SIZE);
  const place = partition.createPlace('S');
  place.writeDurably('vmcore-dmesg.txt', ['one\n', 'two\n']);
  const file = place.create('vmcore');
  // The header is written last.
  file.sink.writeAt(Buffer.from('data'), 5000);
  file.sink.writeAt(Buffer.from('head'), 0);
  const written = file.readBack();
  expect(Buffer.from(written.window(0, 5004)).toString('latin1')).toBe(`head${'\0'.repeat(4996)}data`);
  if (commit) file.commit();
  file.close();
  place.writeDurably('manifest.json', ['{}\n']);
  partition.close();
}

describe('a slot', () => {
  test('comes back', () => expect(decodeSlot(encodeSlot(SLOT))).toEqual(SLOT));

  test('with any bit of what it uses flipped is none', () => {
    const whole = encodeSlot(SLOT);
    for (const at of [0, 8, 12, 16, 24, 28, 2048, 2060, SLOT_BYTES - 1]) {
      const slot = Buffer.from(whole);
      slot[at] ^= 0x10;
      expect(decodeSlot(slot)).toBeUndefined();
    }
  });

  test.each([0, 28, SLOT_BYTES - 1])('cut to %i bytes is none', length => {
    expect(decodeSlot(encodeSlot(SLOT).subarray(0, length))).toBeUndefined();
  });

  test.each([
    { ...SLOT, stamp: '../etc' },
    { ...SLOT, stamp: '.' },
    { ...SLOT, files: [{ ...SLOT.files[0], name: '../vmcore' }] },
    { ...SLOT, files: [{ ...SLOT.files[0], name: '' }] },
    { ...SLOT, files: [{ ...SLOT.files[0], offset: 0 }] },
    { ...SLOT, files: [{ ...SLOT.files[0], bytes: -1 }] },
    { ...SLOT, files: [{ ...SLOT.files[0], bytes: 1e300 }] },
    { ...SLOT, files: [null as unknown as (typeof SLOT.files)[0]] },
  ])('whose names or places make no sense is none: %j', slot => {
    expect(decodeSlot(encodeSlot(slot))).toBeUndefined();
  });

  test.each([7, null, {}, 'xyz', ''])('with the checksum %j of a file is none', crc32 => {
    const files = [{ name: 'vmcore', offset: 1 << 20, bytes: 1, crc32 }];
    expect(decodeSlot(encodeSlot({ ...SLOT, files: files as never }))).toBeUndefined();
  });

  test('looks like nothing else', () => {
    const bytes = Buffer.concat([
      encodeSlot(SLOT),
      encodeSlot(SLOT),
      Buffer.alloc(FILES_OFFSET - 2 * SLOT_BYTES),
    ]);
    expect(otherSignature((at, length) => bytes.subarray(at, at + length), bytes.length)).toBeUndefined();
  });
});

describe('a dump', () => {
  test('goes in and comes out', () => {
    markPartition(path);
    capture();
    const { path: into, files, damaged } = extractPartition(path, join(directory, 'out'));
    expect({ files, damaged }).toEqual({
      files: ['vmcore-dmesg.txt', 'vmcore', 'manifest.json'],
      damaged: [],
    });
    expect(readFileSync(join(into, 'vmcore-dmesg.txt'), 'utf8')).toBe('one\ntwo\n');
    expect(readFileSync(join(into, 'vmcore')).length).toBe(5004);
    expect(statSync(into).mode & 0o777).toBe(0o700);
    expect(statSync(join(into, 'vmcore')).mode & 0o777).toBe(0o600);
  });

  test('that was not finished comes out as what it is', () => {
    markPartition(path);
    capture({ commit: false });
    expect(extractPartition(path, directory).files).toEqual([
      'vmcore-dmesg.txt',
      'vmcore-incomplete',
      'manifest.json',
    ]);
  });

  test('with a flipped bit is noticed', () => {
    markPartition(path);
    capture();
    poke(FILES_OFFSET, Buffer.from('O'));
    expect(extractPartition(path, directory).damaged).toEqual(['vmcore-dmesg.txt']);
  });

  test('is not written over by the next one, until it is cleared', () => {
    markPartition(path);
    capture();
    expect(() => capture()).toThrow(
      /it holds the dump S. Take it out and clear the partition with kdumpling recover --clear/,
    );
    expect(() => markPartition(path)).toThrow(/it holds the dump S/);
    clearPartition(path);
    capture();
  });

  test('a power cut in the middle of a slot leaves the one before', () => {
    markPartition(path);
    capture();
    const read = (at: number, length: number) => readFileSync(path).subarray(at, at + length);
    const newest = readContents(read)!;
    poke((newest.generation % 2) * SLOT_BYTES + 2048, Buffer.alloc(100));
    expect(readContents(read)?.generation).toBe(newest.generation - 1);
    expect(extractPartition(path, directory).files).toEqual(['vmcore-dmesg.txt', 'vmcore']);
  });

  test('that is larger than the partition is refused before it is written past the end', () => {
    markPartition(path);
    const partition = openRawPartition(path, SIZE);
    const file = partition.createPlace('S').create('vmcore');
    expect(() => file.sink.writeAt(Buffer.alloc(8), SIZE - FILES_OFFSET - 4)).toThrow(/has 33554432 bytes/);
    file.sink.writeAt(Buffer.alloc(8), SIZE - FILES_OFFSET - 8);
  });
});

describe('what is not ours is never written to', () => {
  test.each([
    ['a partition that nobody marked', () => {}, /it is not marked as kdumpling’s/],
    [
      'one that got a file system since',
      () => poke(1080, Buffer.from([0x53, 0xef])),
      /it seems to hold ext4/,
    ],
    ['one that got swap since', () => poke(4086, Buffer.from('SWAPSPACE2')), /it seems to hold swap/],
  ])('%s', (name, change, message) => {
    if (!name.includes('nobody')) markPartition(path);
    change();
    const before = readFileSync(path);
    expect(() => openRawPartition(path, SIZE)).toThrow(message);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test.each([
    ['anything in its first MiB', () => poke(700_000, Buffer.from('x')), /its first MiB is not all zeros/],
    [
      'an LVM physical volume',
      () => poke(512, Buffer.from('LABELONE')),
      /it seems to hold LVM physical volume/,
    ],
    [
      'a RAID member',
      () => poke(SIZE - 8192, Buffer.from('fc4e2ba9', 'hex')),
      /it seems to hold RAID member/,
    ],
    ['15 MiB', () => truncateSync(path, 15 << 20), /it has 15728640 bytes/],
  ])('with %s it cannot be marked', (_, change, message) => {
    change();
    const before = readFileSync(path);
    expect(() => markPartition(path)).toThrow(message);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('cleared or taken out of', () => {
    expect(() => clearPartition(path)).toThrow(/it is not marked/);
    expect(() => extractPartition(path, directory)).toThrow(/it is not marked/);
  });
});

test('room at the end is lent for as long as it is needed, and no file goes there meanwhile', () => {
  markPartition(path);
  const partition = openRawPartition(path, SIZE);
  const place = partition.createPlace('S');
  const before = place.mostFileBytes!;
  const first = place.lend!((5 << 20) + 1);
  const second = place.lend!(3 << 20);
  // Behind both is a MiB in which other systems have their signatures.
  expect(first.offset).toBe(SIZE - (1 << 20) - (5 << 20) - 4096);
  expect(second.offset).toBe(first.offset - (3 << 20));
  expect(place.mostFileBytes).toBe(second.offset - FILES_OFFSET);
  const file = place.create('vmcore');
  const most = place.mostFileBytes!;
  file.sink.writeAt(Buffer.from('end'), most - 3);
  expect(() => file.sink.writeAt(Buffer.from('over'), most - 3)).toThrow(/write the dump/);
  expect(() => place.lend!(SIZE)).toThrow(/expected a larger partition/);
  second.giveBack();
  first.giveBack();
  expect(place.mostFileBytes).toBe(before);
  file.sink.writeAt(Buffer.from('over'), most - 3);
  file.close();
  partition.close();
});
