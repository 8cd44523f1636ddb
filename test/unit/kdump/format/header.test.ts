import { describe, expect, test } from 'vitest';
import { DumpFormatError } from '../../../../capture/errors.ts';
import {
  type DiskDumpHeader,
  decodeDiskDumpHeader,
  decodeKdumpSubHeader,
  encodeDiskDumpHeader,
  encodeKdumpSubHeader,
  type KdumpSubHeader,
} from '../../../../capture/kdump/format/header.ts';
import { UTSNAME } from '../fixture.ts';

const HEADER: DiskDumpHeader = {
  signature: 'KDUMP   ',
  header_version: 6,
  utsname: UTSNAME,
  timestamp: { tv_sec: 1_700_000_000, tv_usec: 5 },
  status: 0x28,
  block_size: 4096,
  sub_hdr_size: 3,
  bitmap_blocks: 8,
  max_mapnr: 77,
  nr_cpus: 96,
};
const SUB: KdumpSubHeader = {
  phys_base: 0xffff_ffff_8000_0000n,
  dump_level: 31,
  split: 0,
  offset_vmcoreinfo: 4500,
  size_vmcoreinfo: 3000,
  offset_note: 4200,
  size_note: 5000,
  offset_eraseinfo: 0,
  size_eraseinfo: 0,
  start_pfn_64: 0,
  end_pfn_64: 0,
  max_mapnr_64: 2 ** 40,
};

test('both headers decode to what was encoded', () => {
  expect(decodeDiskDumpHeader(encodeDiskDumpHeader(HEADER))).toEqual(HEADER);
  expect(decodeKdumpSubHeader(encodeKdumpSubHeader(SUB))).toEqual(SUB);
});

test('max_mapnr is cut to 32 bits, as makedumpfile cuts it', () => {
  const header = decodeDiskDumpHeader(encodeDiskDumpHeader({ ...HEADER, max_mapnr: 2 ** 32 }));
  expect(header.max_mapnr).toBe(2 ** 32 - 1);
});

test('a negative phys_base wraps', () => {
  const sub = decodeKdumpSubHeader(encodeKdumpSubHeader({ ...SUB, phys_base: -0x1000n }));
  expect(sub.phys_base).toBe(0xffff_ffff_ffff_f000n);
});

test('a name that fills its field is cut before its NUL, and no character is split', () => {
  const release = `${'é'.repeat(40)}`;
  const { utsname } = decodeDiskDumpHeader(
    encodeDiskDumpHeader({ ...HEADER, utsname: { ...UTSNAME, release } }),
  );
  expect(utsname.release).toBe('é'.repeat(32));
  expect(utsname.version).toBe(UTSNAME.version);
});

describe('truncated at every byte', () => {
  test.each([
    ['disk_dump_header', encodeDiskDumpHeader(HEADER), decodeDiskDumpHeader],
    ['kdump_sub_header', encodeKdumpSubHeader(SUB), decodeKdumpSubHeader],
  ] as const)('%s', (struct, bytes, decode) => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decode(bytes.subarray(0, length)), `${length} bytes`).toThrow(
        new RegExp(`${struct}: ${length} bytes; expected ${bytes.length}`),
      );
    }
  });
});

test.each<[string, Partial<DiskDumpHeader>]>([
  ['signature', { signature: 'DISKDUMP' }],
  ['header_version', { header_version: 0 }],
  ['header_version', { header_version: 7 }],
  ['block_size', { block_size: 0 }],
  ['block_size', { block_size: 6000 }],
  ['block_size', { block_size: 131072 }],
  ['block_size', { block_size: -4096 }],
  ['sub_hdr_size', { sub_hdr_size: 0 }],
])('a header with a wrong %s is refused: %o', (field, change) => {
  const decode = () => decodeDiskDumpHeader(encodeDiskDumpHeader({ ...HEADER, ...change }));
  expect(decode).toThrow(DumpFormatError);
  expect(decode).toThrow(field);
});

test('an offset past 2^53 is refused', () => {
  const bytes = encodeKdumpSubHeader(SUB);
  bytes[32 + 7] = 0xff;
  expect(() => decodeKdumpSubHeader(bytes)).toThrow(/offset_vmcoreinfo/);
});
