import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type CpioEntry, encodeCompressedCpio, encodeCpio } from '../../../initrd/cpio.ts';

const ENTRIES: CpioEntry[] = [
  { kind: 'directory', path: 'etc', mode: 0o755 },
  { kind: 'file', path: 'etc/a', mode: 0o600, bytes: Buffer.from('one') },
  { kind: 'file', path: 'etc/empty', mode: 0o644, bytes: Buffer.alloc(0) },
  { kind: 'symlink', path: 'lib', mode: 0o777, to: 'runtime/lib' },
  { kind: 'device', path: 'console', mode: 0o600, major: 5, minor: 1 },
];
const archive = Buffer.concat([...encodeCpio(ENTRIES)]);

test('the same entries give the same bytes', () => {
  expect(Buffer.concat([...encodeCpio(ENTRIES)]).equals(archive)).toBe(true);
});

test('busybox reads it', () => {
  const listing = execFileSync('busybox', ['cpio', '-tv'], { input: archive, encoding: 'utf8' });
  const lines = listing.trim().split('\n');
  expect(lines.map(line => line.split(/\s+/)[0])).toEqual([
    'drwxr-xr-x',
    '-rw-------',
    '-rw-r--r--',
    'lrwxrwxrwx',
    'crw-------',
  ]);
  expect(listing).toContain('lib -> runtime/lib');
});

test('a device node has its numbers', () => {
  const header = archive.subarray(archive.indexOf('console\0') - 110).toString('latin1', 0, 110);
  const field = (index: number) => Number.parseInt(header.slice(6 + 8 * index, 14 + 8 * index), 16);
  expect({ rdevmajor: field(9), rdevminor: field(10) }).toEqual({ rdevmajor: 5, rdevminor: 1 });
});

test.each([0, 1, 2, 3, 4, 5])('a file of %i bytes keeps the next header aligned', length => {
  const entries: CpioEntry[] = [{ kind: 'file', path: 'x', mode: 0o644, bytes: Buffer.alloc(length, 'y') }];
  const bytes = Buffer.concat([...encodeCpio(entries)]);
  expect(bytes.lastIndexOf('070701') % 4).toBe(0);
  expect(bytes.length % 4).toBe(0);
});

test('compressed, it is followed by zeros up to where another archive may begin', () => {
  const bytes = Buffer.concat([...encodeCompressedCpio(ENTRIES)]);
  expect(bytes.length % 4).toBe(0);
  expect(bytes.length).toBeLessThan(archive.length);
  expect(gunzipSync(bytes).equals(archive)).toBe(true);
});
