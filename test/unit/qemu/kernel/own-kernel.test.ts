import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type OwnKernelChoice, ownKernel } from '../../../../qemu/kernel/own-kernel.ts';
import { bzImage } from '../../../support/bzimage-builder.ts';

const DISK = { bus: 'virtio-blk', fs: 'ext4', layout: 'whole' } as const;
const NEEDED =
  '64BIT KEXEC_FILE CRASH_DUMP PROC_VMCORE RELOCATABLE BLK_DEV_INITRD DEVTMPFS TMPFS PROC_FS SYSFS BINFMT_ELF BINFMT_SCRIPT PRINTK SERIAL_8250_CONSOLE PCI ACPI MAGIC_SYSRQ FUTEX EPOLL EVENTFD UNIX BLK_DEV_LOOP SQUASHFS SQUASHFS_ZSTD EXT4_FS VIRTIO_PCI VIRTIO_BLK';
const COMPLETE = NEEDED.split(' ').map(name => `CONFIG_${name}=y\n`);
const WITHOUT_VMCORE = COMPLETE.filter(line => !line.includes('PROC_VMCORE'));

let directory: string;
let said: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-own-'));
  said = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(choice: OwnKernelChoice) {
  return ownKernel({ dir: join(directory, 'cache'), say: line => said.push(line) }, choice, DISK);
}

function image(config?: readonly string[]): string {
  const path = join(directory, 'bzImage');
  const parts = config ? ['IKCFG_ST', gzipSync(config.join('')), 'IKCFG_ED'] : ['no configuration'];
  writeFileSync(path, bzImage(gzipSync(Buffer.concat(parts.map(part => Buffer.from(part as string))))));
  return path;
}

function buildDirectory(config: readonly string[]): string {
  const build = join(directory, 'linux');
  mkdirSync(join(build, 'arch/x86/boot'), { recursive: true });
  writeFileSync(join(build, 'arch/x86/boot/bzImage'), bzImage(Buffer.alloc(16)));
  writeFileSync(join(build, 'Makefile'), '');
  writeFileSync(join(build, '.config'), config.join(''));
  writeFileSync(join(build, 'modules.builtin'), 'kernel/drivers/block/virtio_blk.ko\n');
  return build;
}

test('an image alone whose configuration is in it, with its drivers built in', async () => {
  const path = image(COMPLETE);
  const kernel = await open({ path });
  expect(kernel).toMatchObject({ release: '6.1.99-mine', origin: path, vmlinuz: path });
  await expect(kernel.symbols()).rejects.toThrow('Name it with --vmlinux PATH');
  await expect(kernel.makeModules('/tmp/lab')).rejects.toThrow(
    'the directory in which it was built, as --kernel',
  );
});

test.each([
  ['in the image', () => image(WITHOUT_VMCORE)],
  ['in the build directory', () => buildDirectory(WITHOUT_VMCORE)],
])('a gap in the configuration %s is named before anything is started', async (_, make) => {
  await expect(open({ path: make() })).rejects.toThrow(
    'CONFIG_PROC_VMCORE=y is missing: shows the crashed kernel’s memory to the capture',
  );
});

test('a configuration beside the image counts, before the one in it', async () => {
  const path = image(COMPLETE);
  writeFileSync(join(directory, 'config-6.1.99-mine'), WITHOUT_VMCORE.join(''));
  await expect(open({ path })).rejects.toThrow('CONFIG_PROC_VMCORE=y is missing');
});

test('without any configuration the check is left out, and that is said', async () => {
  await open({ path: image() });
  expect(said.join()).toMatch(/no configuration is beside .*bzImage or in it/);
});

test('a build directory has its modules laid out and its vmlinux as symbols', async () => {
  const build = buildDirectory(COMPLETE);
  writeFileSync(join(build, 'vmlinux'), '');
  for (const path of [build, join(build, 'arch/x86/boot/bzImage')]) {
    const kernel = await open({ path });
    expect(kernel.modulesDir).toMatch(/own-kernels\/\w+\/lib\/modules\/6\.1\.99-mine$/);
    expect(await kernel.symbols()).toBe(join(build, 'vmlinux'));
  }
});

test('a build directory in which nothing was built yet', async () => {
  await expect(open({ path: directory })).rejects.toThrow('there is no arch/x86/boot/bzImage');
});
