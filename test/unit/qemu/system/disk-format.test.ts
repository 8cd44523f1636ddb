import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { diskFormatOf } from '../../../../qemu/system/disk-format.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-disk-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(head: Buffer | string, bytes = 4 << 20): string {
  const path = join(directory, 'disk.img');
  writeFileSync(path, head);
  truncateSync(path, bytes);
  return path;
}

test.each([
  ['qcow2', 'QFI\xfb'],
  ['vmdk', 'KDMV'],
  ['vhdx', 'vhdxfile'],
  ['vdi', `${'\0'.repeat(0x40)}\x7f\x10\xda\xbe`],
  ['raw', ''],
])('a disk in the format %s', (format, head) => {
  expect(diskFormatOf(file(Buffer.from(head, 'latin1')))).toBe(format);
});

test.each([
  [gzipSync('disk'), 'it is compressed with gzip', 'Unpack it with gunzip'],
  [Buffer.from('fd377a585a00', 'hex'), 'it is compressed with xz', 'Unpack it with unxz'],
  [Buffer.from('\x7fELF', 'latin1'), 'it is an ELF file', 'A kernel is named with --kernel'],
  [Buffer.from(`${'\0'.repeat(257)}ustar`), 'it is a tar archive', 'mke2fs -t ext4 -d FOLDER IMAGE 4G'],
  [Buffer.from(`${'\0'.repeat(0x8001)}CD001`), 'it is an installation medium (ISO 9660)', ''],
])('what is no disk is refused with what it is: %#', (head, found, toDo) => {
  const path = file(head);
  expect(() => diskFormatOf(path)).toThrow(
    `Cannot boot the system image ${path}: ${found}; expected the image of a disk: raw, qcow2`,
  );
  expect(() => diskFormatOf(path)).toThrow(toDo);
});

test('nothing, a folder and a file that is too small', () => {
  expect(() => diskFormatOf(join(directory, 'none'))).toThrow('there is no such file');
  expect(() => diskFormatOf(directory)).toThrow('it is a folder');
  expect(() => diskFormatOf(file('', 512))).toThrow('it has 512 bytes');
});
