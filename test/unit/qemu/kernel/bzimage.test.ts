import { execFileSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { embeddedConfig, releaseOf } from '../../../../qemu/kernel/bzimage.ts';
import { bzImage } from '../../../support/bzimage-builder.ts';

const CONFIG = '# a comment\nCONFIG_CRASH_DUMP=y\n';

const kernel = Buffer.concat([
  Buffer.from('\x7fELF before IKCFG_ST'),
  gzipSync(CONFIG),
  Buffer.from('IKCFG_ED after'),
]);
const size = Buffer.alloc(4);
size.writeUInt32LE(kernel.length);
const xz = execFileSync('xz', ['-c'], { input: kernel });

test('the release is the first word of the version', () => {
  expect(releaseOf(bzImage(Buffer.alloc(4)), 'bzImage')).toBe('6.1.99-mine');
});

test.each([
  ['gzip', gzipSync(kernel)],
  ['zstd', Buffer.concat([zstdCompressSync(kernel), size])],
  ['xz', Buffer.concat([xz, size])],
])('the configuration in a kernel packed with %s', (_, payload) => {
  expect(embeddedConfig(bzImage(payload))).toBe(CONFIG);
});

test('no configuration in a kernel without IKCONFIG, nor in one that cannot be unpacked', () => {
  expect(embeddedConfig(bzImage(gzipSync('\x7fELF')))).toBeUndefined();
  expect(embeddedConfig(bzImage(Buffer.from('28b52ffd0000', 'hex')))).toBeUndefined();
  expect(embeddedConfig(bzImage(Buffer.from('no magic at all')))).toBeUndefined();
});

test.each([
  [Buffer.from('\x7fELF'), 'it is an ELF file'],
  [Buffer.alloc(4096), 'it has no boot header'],
])('what is no bzImage is refused with what it is', (file, found) => {
  expect(() => releaseOf(file, 'vmlinux')).toThrow(`Cannot boot vmlinux: ${found}; expected a bzImage`);
});
