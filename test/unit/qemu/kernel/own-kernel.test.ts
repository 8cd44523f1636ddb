import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Duties } from '../../../../qemu/kernel/config-needs.ts';
import { CannotCrash } from '../../../../qemu/kernel/lab-kernel.ts';
import { type OwnKernelChoice, ownKernel } from '../../../../qemu/kernel/own-kernel.ts';
import { triggerOf } from '../../../../qemu/lab/options.ts';
import { debugFile } from '../../../support/debug-file-builder.ts';
import { bzImage } from '../../../support/kernel-image-builder.ts';

const DUTIES = {
  disk: { bus: 'virtio-blk', fs: 'ext4', layout: 'whole' },
  roles: ['first', 'capture'],
} as const;
const NEEDED =
  '64BIT KEXEC_FILE CRASH_DUMP PROC_VMCORE RELOCATABLE BLK_DEV_INITRD RD_GZIP DEVTMPFS TMPFS PROC_FS SYSFS BINFMT_ELF BINFMT_SCRIPT PRINTK SERIAL_8250_CONSOLE PCI ACPI MAGIC_SYSRQ FUTEX EPOLL EVENTFD UNIX BLK_DEV_LOOP SQUASHFS SQUASHFS_ZSTD EXT4_FS VIRTIO_PCI VIRTIO_BLK';
const COMPLETE = NEEDED.split(' ').map(name => `CONFIG_${name}=y\n`);
/** Options that Kconfig hides others behind. */
const MENUS = 'MODULES BLOCK BLK_DEV MISC_FILESYSTEMS NET TTY SERIAL_8250 SHMEM KEXEC VIRTIO_MENU'
  .split(' ')
  .map(name => `CONFIG_${name}=y\n`);
const WITHOUT_VMCORE = COMPLETE.filter(line => !line.includes('PROC_VMCORE'));

let directory: string;
let said: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-own-'));
  said = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(choice: OwnKernelChoice, duties: Duties = DUTIES) {
  return ownKernel({ dir: join(directory, 'cache'), say: line => said.push(line) }, choice, duties);
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

test('without any configuration, with modules, the check is left out, and that is said', async () => {
  await open({ path: image(), modules: installedModules('6.1.99-mine') });
  expect(said.join()).toMatch(/no configuration is beside .*bzImage or in it/);
});

test('a build directory has its modules laid out and its vmlinux as symbols', async () => {
  const build = buildDirectory(COMPLETE);
  writeFileSync(join(build, 'vmlinux'), debugFile({ buildId: BUILD_ID }));
  for (const path of [build, join(build, 'arch/x86/boot/bzImage')]) {
    const kernel = await open({ path });
    expect(kernel.modulesDir).toMatch(/own-kernels\/\w+\/lib\/modules\/6\.1\.99-mine$/);
    expect(await kernel.symbols()).toBe(join(build, 'vmlinux'));
  }
});

test('without any configuration and without modules nothing is known of its drivers', async () => {
  await expect(open({ path: image() })).rejects.toThrow(
    /Cannot crash .*: nothing says which drivers are built into it.*Copy the build’s \.config to .*\/config-6\.1\.99-mine, name the modules with --modules DIR, or name the build directory as --kernel/,
  );
});

test('a build directory in which nothing was built yet', async () => {
  await expect(open({ path: directory })).rejects.toThrow('there is no arch/x86/boot/bzImage');
});

test('what to do about a gap is a command', async () => {
  const path = image([...MENUS, ...COMPLETE.filter(line => !/PROC_VMCORE|SQUASHFS=/.test(line))]);
  await expect(open({ path })).rejects.toThrow(
    'Change the configuration and build the kernel again: scripts/config -e PROC_VMCORE -e SQUASHFS && make olddefconfig bzImage modules',
  );
});

test('the command is for the build directory, which may be beside the source, and for a kernel without modules', async () => {
  const build = buildDirectory(WITHOUT_VMCORE);
  const command = (script: string) => `cd ${build} && ${script} -e PROC_VMCORE && make olddefconfig bzImage`;
  mkdirSync(join(build, 'source/scripts'), { recursive: true });
  writeFileSync(join(build, 'source/scripts/config'), '');
  await expect(open({ path: build })).rejects.toThrow(new RegExp(`${command('source/scripts/config')}$`));
  mkdirSync(join(build, 'scripts'));
  writeFileSync(join(build, 'scripts/config'), '');
  await expect(open({ path: build })).rejects.toThrow(command('scripts/config'));
});

test('a build directory whose modules were not built', async () => {
  const build = buildDirectory(COMPLETE.map(line => line.replace('SQUASHFS=y', 'SQUASHFS=m')));
  await expect(open({ path: build })).rejects.toThrow(
    `CONFIG_SQUASHFS=m, and the module squashfs was not built: mounts the capture image’s runtime. Run make -C ${build} modules`,
  );
});

test('a kernel that only captures is refused for what a capture needs', async () => {
  const path = image(WITHOUT_VMCORE);
  await expect(open({ path }, { ...DUTIES, roles: ['capture'] })).rejects.toThrow(
    `Cannot capture with ${path}: CONFIG_PROC_VMCORE=y is missing`,
  );
  await expect(open({ path }, { ...DUTIES, roles: ['first'] })).resolves.toBeDefined();
});

const DEBIAN_NOTE = Buffer.from(`040000001400000003000000474e5500${'ab'.repeat(20)}`, 'hex');
const BUILD_ID = 'ab'.repeat(20);

/** A bzImage with everything that is needed, and with a build id. */
function identified(): string {
  const path = join(directory, 'bzImage');
  const config = gzipSync(COMPLETE.join(''));
  const kernel = Buffer.concat([Buffer.from('IKCFG_ST'), config, Buffer.from('IKCFG_ED'), DEBIAN_NOTE]);
  writeFileSync(path, bzImage(gzipSync(kernel)));
  return path;
}

test('a vmlinux of the same build is taken', async () => {
  const vmlinux = join(directory, 'vmlinux');
  writeFileSync(vmlinux, debugFile({ buildId: BUILD_ID }));
  const kernel = await open({ path: identified(), vmlinux });
  expect(await kernel.symbols()).toBe(vmlinux);
});

test.each([
  ['is not there', undefined, /there is no file .*vmlinux; expected the vmlinux of the same build/],
  ['is no ELF file', 'text', /vmlinux is no 64-bit ELF file/],
  [
    'has no DWARF',
    debugFile({ buildId: BUILD_ID, dwarf: false }),
    /vmlinux has no debug information \(DWARF\).*Build the kernel with CONFIG_DEBUG_INFO_DWARF/,
  ],
  [
    'is of another build',
    debugFile({ buildId: 'cd'.repeat(20) }),
    /vmlinux is of another build than the image.*Build both again/,
  ],
])('a --vmlinux that %s is refused before the boot', async (_, contents, message) => {
  const vmlinux = join(directory, 'vmlinux');
  if (contents !== undefined) writeFileSync(vmlinux, contents);
  await expect(open({ path: identified(), vmlinux })).rejects.toThrow(message);
});

function installedModules(release: string, vermagic = release): string {
  const tree = join(directory, 'out/lib/modules', release);
  mkdirSync(join(tree, 'kernel'), { recursive: true });
  writeFileSync(join(tree, 'modules.dep'), 'kernel/virtio_blk.ko:\n');
  writeFileSync(join(tree, 'kernel/virtio_blk.ko'), `\x7fELF\0vermagic=${vermagic} SMP mod_unload \0`);
  return join(directory, 'out');
}

test('modules of another release than the image are refused, however they are named', async () => {
  const out = installedModules('6.2.0-other');
  const path = image(COMPLETE);
  await expect(open({ path, modules: out })).rejects.toThrow(
    `Cannot use the modules in ${out}: no modules.dep in it, in 6.1.99-mine/ or in lib/modules/6.1.99-mine/, only 6.2.0-other`,
  );
  const tree = join(out, 'lib/modules/6.2.0-other');
  await expect(open({ path, modules: tree })).rejects.toThrow(
    'they are for the kernel 6.2.0-other, and the image is of 6.1.99-mine; expected what `make modules_install',
  );
  await expect(open({ path, modules: join(out, 'nowhere') })).rejects.toThrow('there is no such directory');
});

test('a kernel that compares symbols takes modules that an earlier build left, and not those of any other kernel', async () => {
  const path = image(COMPLETE);
  const stale = installedModules('6.1.99-mine', '6.1.98-mine SMP modversions');
  await expect(open({ path, modules: stale })).resolves.toBeDefined();
  const other = installedModules('6.12.0-other', '6.12.0-other SMP modversions');
  await expect(open({ path, modules: join(other, 'lib/modules/6.12.0-other') })).rejects.toThrow(
    'they are for the kernel 6.12.0-other, and the image is of 6.1.99-mine',
  );
});

test('a trigger that the kernel cannot make is refused before the boot', async () => {
  const kernel = await open({ path: image(COMPLETE) });
  expect(() => kernel.checkTrigger(triggerOf('sysrq-c'))).not.toThrow();
  expect(() => kernel.checkTrigger(triggerOf('null'))).toThrow(
    'by the trigger null: CONFIG_MODULES=y is missing: loads the lab’s module',
  );
});

test('what a build lacks for one crash ends that crash, and not the others of a matrix', async () => {
  const kernel = await open({ path: image(COMPLETE) });
  await expect(kernel.symbols()).rejects.toThrow(CannotCrash);
  await expect(kernel.makeModules(directory)).rejects.toThrow(CannotCrash);
});

test('the lab’s module needs the build directory, with Module.symvers', async () => {
  const alone = await open({ path: image(COMPLETE) });
  await expect(alone.makeModules(directory)).rejects.toThrow(
    'only the kernel’s image is known; expected the directory in which it was built, as --kernel',
  );
  const build = buildDirectory(COMPLETE);
  const kernel = await open({ path: build });
  await expect(kernel.makeModules(directory)).rejects.toThrow(
    `there is no Module.symvers in ${build}; expected a directory in which the modules were built as well. Run make -C ${build} modules`,
  );
});
