/** Metadata in lvm2's format, and the first sectors of two disks that lvm2 wrote. `npm run crash -- --layout lvm` uses it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { request } from '../../../../../capture/ffi/device-mapper.ts';
import { parseMetadata, type Section } from '../../../../../capture/storage/device/lvm/metadata-text.ts';
import { readPhysicalVolume } from '../../../../../capture/storage/device/lvm/physical-volume.ts';
import { linearVolumes } from '../../../../../capture/storage/device/lvm/volumes.ts';

const PV0 = 'aaaaaa-bbbb-cccc-dddd-eeee-ffff-000000';
const PV1 = 'aaaaaa-bbbb-cccc-dddd-eeee-ffff-000001';
const LINEAR = `
    segment_count = 2
    segment1 { start_extent = 0 extent_count = 10 type = "striped" stripe_count = 1 stripes = [ "pv0", 5 ] }
    segment2 { start_extent = 10 extent_count = 3 type = "striped" stripe_count = 1 stripes = [ "pv1", 0 ] }`;

function metadata(
  volume: string,
  { seqno = 3, status = '"RESIZEABLE", "READ", "WRITE"', more = '' } = {},
): string {
  return `my-vg {
  id = "vvvvvv-bbbb-cccc-dddd-eeee-ffff-gggggg"
  seqno = ${seqno}
  format = "lvm2"			# informational
  status = [${status}]
  flags = []
  extent_size = 8192		# 4 Megabytes
  physical_volumes {
    pv0 { id = "${PV0}" device = "/dev/vda" status = ["ALLOCATABLE"] pe_start = 2048 pe_count = 100 }
    pv1 { id = "${PV1}" device = "/dev/vdb" status = ["ALLOCATABLE"] pe_start = 2048 pe_count = 3 }
  }
  logical_volumes {
    root { id = "llllll-bbbb-cccc-dddd-eeee-ffff-gggggg" status = ["READ", "WRITE", "VISIBLE"] ${volume} }
    ${more}
  }
}
contents = "Text Format Volume Group"
version = 1
description = "Created *after* executing 'lvcreate \\"x\\"'"
creation_time = 1700000000	# Tue Nov 14 22:13:20 2023
`;
}

const disk = (node: string, id: string, text?: string) => ({
  node,
  uuid: id.replaceAll('-', ''),
  metadata: text === undefined ? undefined : parseMetadata(text),
});
const found = (text: string) => linearVolumes([disk('/dev/vda', PV0, text), disk('/dev/vdb', PV1)]);

test('a volume over two disks, one of which has the metadata', () => {
  expect(found(metadata(LINEAR))).toEqual({
    volumes: [
      {
        name: 'my--vg-root',
        uuid: 'LVM-vvvvvvbbbbccccddddeeeeffffggggggllllllbbbbccccddddeeeeffffgggggg',
        segments: [
          { start: 0, length: 81920, device: '/dev/vda', deviceStart: 2048 + 5 * 8192 },
          { start: 81920, length: 3 * 8192, device: '/dev/vdb', deviceStart: 2048 },
        ],
      },
    ],
    refused: [],
  });
});

test('the disks of a group that lvm2 2.03.16 made, compared with its `lvs --segments` and `pvs`', () => {
  const disks = ['pv0', 'pv1'].map(name => {
    const head = gunzipSync(readFileSync(join(import.meta.dirname, `${name}.img.gz`)));
    return { node: `/dev/${name}`, ...readPhysicalVolume((at, length) => head.subarray(at, at + length))! };
  });
  expect(disks.map(({ uuid }) => uuid)).toEqual([
    'RgasvWrkR8clzDGGPSydUAGs8ULhdzPC',
    'zBzl0K5mUzh2U58SXdNg3ZTXiEV2nbtH',
  ]);
  const { volumes, refused } = linearVolumes(disks);
  expect(volumes.map(({ name, segments }) => ({ name, segments }))).toEqual([
    {
      name: 'my--vg-first',
      segments: [
        { start: 0, length: 40960, device: '/dev/pv0', deviceStart: 2048 },
        { start: 40960, length: 16384, device: '/dev/pv1', deviceStart: 2048 + 4 * 8192 },
      ],
    },
  ]);
  expect(refused).toEqual(['my--vg-striped: it is striped over 2 disks, not linear']);
});

test('the copy with the highest sequence number is used', () => {
  const old = metadata(LINEAR.replace('extent_count = 10', 'extent_count = 11'), { seqno: 2 });
  const both = linearVolumes([disk('/dev/vdb', PV1, old), disk('/dev/vda', PV0, metadata(LINEAR))]);
  expect(both.volumes[0].segments[0].length).toBe(81920);
});

describe('a volume that is not linear is refused with a reason', () => {
  test.each([
    [
      'striped',
      LINEAR.replace('stripe_count = 1', 'stripe_count = 2'),
      {},
      'it is striped over 2 disks, not linear',
    ],
    ['thin', LINEAR.replace('"striped"', '"thin"'), {}, 'it is of the type thin, not linear'],
    [
      'a gap',
      LINEAR.replace('start_extent = 10', 'start_extent = 11'),
      {},
      'its segments are not contiguous',
    ],
    ['beyond its disk', LINEAR.replace('"pv1", 0', '"pv1", 1'), {}, 'it is larger than /dev/vdb'],
    ['no such disk', LINEAR.replace('"pv1", 0', '"pv9", 0'), {}, 'its disk pv9 is missing'],
    ['a negative extent', LINEAR.replace('"pv0", 5', '"pv0", -5'), {}, 'its segments are not contiguous'],
    ['no segments', LINEAR.replace('segment_count = 2', 'segment_count = 0'), {}, 'its size is invalid'],
    [
      'more segments than there are',
      LINEAR.replace('segment_count = 2', 'segment_count = 3'),
      {},
      'it is of the type unknown, not linear',
    ],
    ['an absurd length', LINEAR.replace('extent_count = 10', 'extent_count = 1e300'), {}, undefined],
    ['exported', LINEAR, { status: '"EXPORTED"' }, 'its volume group is exported'],
    [
      'a snapshot’s origin',
      LINEAR,
      {
        more: 'snapshot0 { status = ["READ"] segment1 { type = "snapshot" origin = "root" cow_store = "s" } }',
      },
      'it is the origin of a snapshot',
    ],
  ])('%s', (_, volume, more, reason) => {
    if (reason === undefined)
      expect(() => found(metadata(volume, more))).toThrow(/Cannot read the LVM metadata/);
    else expect(found(metadata(volume, more))).toEqual({ volumes: [], refused: [`my--vg-root: ${reason}`] });
  });

  test('a missing disk, and a disk that is present twice', () => {
    const text = metadata(LINEAR);
    expect(linearVolumes([disk('/dev/vda', PV0, text)]).refused).toEqual([
      'my--vg-root: its disk /dev/vdb is missing',
    ]);
    const twice = [disk('/dev/vda', PV0, text), disk('/dev/vdb', PV1), disk('/dev/vdc', PV1)];
    expect(linearVolumes(twice).refused).toEqual([
      'my--vg-root: its disk is present 2 times: /dev/vdb /dev/vdc',
    ]);
  });

  test('hidden volumes are not reported', () => {
    const hidden = metadata(LINEAR).replace(', "VISIBLE"', '');
    expect(found(hidden)).toEqual({ volumes: [], refused: [] });
  });
});

describe('metadata text', () => {
  test.each([
    'a {',
    'a }',
    '{',
    'a = ',
    'a = [1',
    'a = [[1]]',
    'a b',
    'a = }',
    'a = "x',
    '= 1',
    '%',
    `${'a {'.repeat(40)}${'}'.repeat(40)}`,
  ])('%j is refused', text => expect(() => parseMetadata(text)).toThrow(/Cannot read the LVM metadata/));

  test('text cut at any byte is refused or gives less, and never hangs', () => {
    const text = metadata(LINEAR);
    for (let length = 0; length < text.length; length++) {
      try {
        parseMetadata(text.slice(0, length));
      } catch (error) {
        expect(String(error)).toContain('Cannot read the LVM metadata');
      }
    }
  });

  test('a name like __proto__ is an ordinary name', () => {
    const parsed = parseMetadata('__proto__ { toString = 1 }') as Record<string, Section>;
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect(parsed.toString).toBeUndefined();
  });
});

describe('a physical volume', () => {
  const lvmCrc = (bytes: Buffer) => ~crc32(bytes, ~0xf597a6cf >>> 0) >>> 0;
  const MDA = 4096;
  const MDA_BYTES = 1 << 20;

  /** @param textAt the text's offset in the ring buffer. */
  function disk(text: string, textAt = 512): Buffer {
    const bytes = Buffer.alloc(2 << 20);
    const label = bytes.subarray(512, 1024);
    label.write('LABELONE', 0);
    label.writeBigUInt64LE(1n, 8);
    label.writeUInt32LE(32, 20);
    label.write('LVM2 001', 24);
    label.write(PV0.replaceAll('-', ''), 32);
    label.writeBigUInt64LE(BigInt(bytes.length), 64);
    label.writeBigUInt64LE(BigInt(1 << 20), 72); // one data area, to the end
    label.writeBigUInt64LE(BigInt(MDA), 104); // one metadata area
    label.writeBigUInt64LE(BigInt(MDA_BYTES), 112);
    label.writeUInt32LE(lvmCrc(label.subarray(20)), 16);

    const header = bytes.subarray(MDA, MDA + 512);
    header.write(' LVM2 x[5A%r0N*>', 4, 'latin1');
    header.writeUInt32LE(1, 20);
    header.writeBigUInt64LE(BigInt(MDA), 24);
    header.writeBigUInt64LE(BigInt(MDA_BYTES), 32);
    const body = Buffer.from(`${text}\0`);
    header.writeBigUInt64LE(BigInt(textAt), 40);
    header.writeBigUInt64LE(BigInt(body.length), 48);
    header.writeUInt32LE(lvmCrc(body), 56);
    header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
    const untilEnd = Math.min(body.length, MDA_BYTES - textAt);
    body.copy(bytes, MDA + textAt, 0, untilEnd);
    body.copy(bytes, MDA + 512, untilEnd);
    return bytes;
  }
  const read = (bytes: Buffer) =>
    readPhysicalVolume((offset, length) => bytes.subarray(Math.min(offset, bytes.length), offset + length));

  test.each([
    ['in one piece', 512],
    ['around the end of its ring', MDA_BYTES - 100],
  ])('its metadata %s', (_, at) => {
    const { uuid, metadata: section } = read(disk(metadata(LINEAR), at))!;
    expect(uuid).toBe(PV0.replaceAll('-', ''));
    expect(section).toEqual(parseMetadata(metadata(LINEAR)));
  });

  test('a flipped bit gives no volume, or one without metadata', () => {
    const whole = disk(metadata(LINEAR));
    for (const [at, isLabel] of [
      [512, true],
      [520, true],
      [532, true],
      [600, true],
      [MDA, false],
      [MDA + 10, false],
      [MDA + 44, false],
      [MDA + 512 + 30, false],
    ] as const) {
      const bytes = Buffer.from(whole);
      bytes[at] ^= 1;
      const found = read(bytes);
      if (isLabel) expect(found).toBeUndefined();
      else expect(found).toMatchObject({ uuid: PV0.replaceAll('-', ''), metadata: undefined });
    }
  });

  test('a disk cut at any byte does not throw', () => {
    const whole = disk(metadata(LINEAR));
    for (let length = 0; length < 8192; length += 64)
      expect(() => read(whole.subarray(0, length))).not.toThrow();
  });
});

test('a device-mapper request has aligned, consecutive targets', () => {
  const bytes = request('vg-lv', {
    uuid: 'LVM-x',
    targets: [
      { start: 0, length: 8192, device: '/dev/vda', deviceStart: 2048 },
      { start: 8192, length: 16, device: '/dev/nvme0n1p1', deviceStart: 0 },
    ],
  });
  expect(bytes.toString('latin1', 48, 53)).toBe('vg-lv');
  expect(bytes.toString('latin1', 176, 181)).toBe('LVM-x');
  expect([bytes.readUInt32LE(12), bytes.readUInt32LE(16), bytes.readUInt32LE(20)]).toEqual([
    bytes.length,
    312,
    2,
  ]);
  const second = 312 + bytes.readUInt32LE(312 + 20);
  expect(second % 8).toBe(0);
  expect(bytes.toString('latin1', 312 + 40, 312 + 53)).toBe('/dev/vda 2048');
  expect(Number(bytes.readBigUInt64LE(second))).toBe(8192);
  expect(bytes.toString('latin1', second + 24, second + 30)).toBe('linear');
  expect(bytes.toString('latin1', second + 40)).toMatch(/^\/dev\/nvme0n1p1 0\0+$/);
});
