/** `--kernel DIRECTORY` without an image where a build leaves one: what the directory is, and what to do. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { builtImageOf } from '../../../../qemu/kernel/build-directory.ts';
import { bzImage as format } from '../../../../qemu/kernel/bzimage.ts';
import { bzImage } from '../../../support/kernel-image-builder.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-unbuilt-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function has(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), contents);
  }
}

const IMAGE = bzImage(Buffer.alloc(16));

test.each([
  ['nothing', {}, 'there is no arch/x86/boot/bzImage; it is empty', ''],
  ['other files', { 'notes.txt': '' }, 'there is no arch/x86/boot/bzImage;', ''],
  [
    'a configured source',
    { Makefile: '', '.config': '', Kconfig: '' },
    'it is configured and not built',
    'Run make -C DIR bzImage modules',
  ],
  [
    'a source without a configuration',
    { Makefile: '', Kconfig: '' },
    'it is a kernel’s source without a .config',
    'Configure it, and run make -C DIR bzImage modules; or name the directory that O= was',
  ],
  [
    'a build for arm64',
    { Makefile: '', '.config': '', 'arch/arm64/boot/Image': '' },
    'but there is arch/arm64/boot/Image',
    'Add --arch arm64',
  ],
  [
    'an installed kernel',
    { 'boot/vmlinuz-6.1.99-mine': IMAGE },
    'but there is DIR/boot/vmlinuz-6.1.99-mine',
    'Name the image itself: --kernel DIR/boot/vmlinuz-6.1.99-mine',
  ],
  ['the image itself', { bzImage: IMAGE }, 'but there is DIR/bzImage', '--kernel DIR/bzImage'],
  [
    'installed modules',
    { 'lib/modules/6.1.99-mine/modules.dep': '' },
    'it holds kernel modules',
    'Name it as --modules DIR, and the kernel’s image as --kernel',
  ],
])('a directory with %s', (_, files, actual, toDo) => {
  has(files as Readonly<Record<string, string | Buffer>>);
  symlinkSync('/nonexistent', join(directory, 'vmlinuz.old'));
  if (Object.keys(files).length === 0) rmSync(join(directory, 'vmlinuz.old'));
  const message = messageOf(() => builtImageOf(directory, format));
  expect(message).toContain(`Cannot boot the kernel in ${directory}: `);
  expect(message).toContain(actual.replaceAll('DIR', directory));
  expect(message).toContain('expected a directory in which `make bzImage modules` has run');
  expect(message).toContain(toDo.replaceAll('DIR', directory));
});

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}
