import { execFileSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bzImage as format } from '../../../../qemu/kernel/bzimage.ts';
import { imageFormat, readKernelImage } from '../../../../qemu/kernel/kernel-image.ts';
import { labArch } from '../../../../qemu/machine/arch.ts';
import { arm64Image, bzImage } from '../../../support/kernel-image-builder.ts';

const CONFIG = '# a comment\nCONFIG_CRASH_DUMP=y\n';

const kernel = Buffer.concat([
  Buffer.from('\x7fELF before IKCFG_ST'),
  gzipSync(CONFIG),
  Buffer.from('IKCFG_ED after'),
]);
const configIn = (image: Buffer) => readKernelImage(image, 'bzImage', format).config();
const size = Buffer.alloc(4);
size.writeUInt32LE(kernel.length);
const xz = execFileSync('xz', ['-c'], { input: kernel });

test('the release is the first word of the version', () => {
  expect(format.release(bzImage(Buffer.alloc(4)))).toBe('6.1.99-mine');
});

test.each([
  ['gzip', gzipSync(kernel)],
  ['zstd', Buffer.concat([zstdCompressSync(kernel), size])],
  ['xz', Buffer.concat([xz, size])],
])('the configuration in a kernel packed with %s', (_, payload) => {
  expect(configIn(bzImage(payload))).toBe(CONFIG);
});

test('no configuration in a kernel without IKCONFIG, nor in one that cannot be unpacked', () => {
  expect(configIn(bzImage(gzipSync('\x7fELF')))).toBeUndefined();
  expect(configIn(bzImage(Buffer.from('28b52ffd0000', 'hex')))).toBeUndefined();
  expect(configIn(bzImage(Buffer.from('no magic at all')))).toBeUndefined();
});

test('an arm64 Image says its release and its configuration too', () => {
  const { release, config } = readKernelImage(arm64Image(kernel), 'Image', imageFormat(labArch('arm64')));
  expect(release).toBe('6.1.99-mine');
  expect(config()).toBe(CONFIG);
});

const efi = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(4096)]);
const zboot = Buffer.concat([Buffer.from('MZ\0\0zimg'), Buffer.alloc(4096)]);

test.each([
  [Buffer.from('\x7fELF'), 'it is an ELF file', 'name that build’s directory as --kernel'],
  [Buffer.alloc(4096), 'it has no boot header', ''],
  [Buffer.alloc(0), 'it is empty', ''],
  [arm64Image(Buffer.alloc(0)), 'it is an arm64 Image', ''],
  [efi, 'it is an EFI program without Linux’s boot header', 'objcopy -O binary --only-section=.linux'],
  [zboot, 'it is a compressed EFI program', ''],
  [gzipSync('Image'), 'it is compressed with gzip', 'Unpack it with gunzip'],
  [Buffer.from('070701'), 'it is an initrd', ''],
  [Buffer.from('!<arch>\ndebian-binary'), 'it is an archive, such as a Debian package', 'dpkg-deb -x'],
])('what is no bzImage is refused with what it is: %#', (file, found, toDo) => {
  const read = () => readKernelImage(file, 'vmlinux', format);
  expect(read).toThrow(`Cannot boot vmlinux: ${found}`);
  expect(read).toThrow('; expected a bzImage (arch/x86/boot/bzImage of a kernel build directory)');
  expect(read).toThrow(toDo);
});

test('a bzImage on a machine for arm64', () => {
  expect(() => readKernelImage(bzImage(Buffer.alloc(4)), 'bzImage', imageFormat(labArch('arm64')))).toThrow(
    'Cannot boot bzImage: it is a bzImage, for another architecture',
  );
});
