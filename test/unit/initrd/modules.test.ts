import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { optionModules } from '../../../capture/options/file-systems.ts';
import { targetModules } from '../../../initrd/drivers.ts';
import { isNetworkModule, moduleName, openModuleTree } from '../../../initrd/modules.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-test-'));
  mkdirSync(join(directory, 'kernel'));
  write('modules.dep', [
    'kernel/virtio_blk.ko.xz: kernel/virtio.ko.xz kernel/virtio_ring.ko.xz',
    'kernel/virtio.ko.xz: kernel/virtio_ring.ko.xz',
    'kernel/virtio_ring.ko.xz:',
    'kernel/xfs.ko.xz: kernel/libcrc32c.ko.xz',
    'kernel/libcrc32c.ko.xz:',
    'kernel/crc32c-intel.ko.xz:',
    'kernel/a.ko: kernel/b.ko',
    'kernel/b.ko: kernel/a.ko',
  ]);
  write('modules.softdep', ['softdep libcrc32c pre: crc32c_intel nowhere', 'softdep a post: virtio']);
  write('modules.builtin', ['kernel/fs/ext4/ext4.ko']);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, lines: string[]): void {
  writeFileSync(join(directory, name), `${lines.join('\n')}\n`);
}

const names = (files: string[]) => files.map(moduleName);

test('dependencies come first, each once', () => {
  const tree = openModuleTree(directory);
  expect(names(tree.closure(['virtio_blk', 'virtio']))).toEqual(['virtio_ring', 'virtio', 'virtio_blk']);
});

test('soft dependencies that the kernel has are included', () => {
  expect(names(openModuleTree(directory).closure(['xfs']))).toEqual(['crc32c_intel', 'libcrc32c', 'xfs']);
});

test('a soft dependency may be named by an alias: all modules with it come first', () => {
  write('modules.softdep', ['softdep libcrc32c pre: crc32c']);
  write('modules.dep', [
    'kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko',
    'kernel/lib/libcrc32c.ko:',
    'kernel/crypto/crc32c_generic.ko:',
    'kernel/arch/x86/crypto/crc32c-intel.ko:',
  ]);
  write('modules.alias', ['alias crc32c crc32c_intel', 'alias crc32c crc32c_generic', 'alias crc32c absent']);
  expect(names(openModuleTree(directory).closure(['xfs']))).toEqual([
    'crc32c_intel',
    'crc32c_generic',
    'libcrc32c',
    'xfs',
  ]);
});

test('a built-in driver needs no file', () => {
  expect(openModuleTree(directory).closure(['ext4'])).toEqual([]);
});

test('a dependency cycle ends', () => {
  expect(names(openModuleTree(directory).closure(['a'])).sort()).toEqual(['a', 'b', 'virtio', 'virtio_ring']);
});

test('a missing module is refused by name', () => {
  expect(() => openModuleTree(directory).closure(['nvme'])).toThrow(
    /Cannot include the module nvme: this kernel has none of that name/,
  );
});

test('a directory without indexes is refused', () => {
  expect(() => openModuleTree(join(directory, 'kernel'))).toThrow(/Cannot read the kernel modules/);
});

test('without a disk list, the usual disk drivers that the kernel has are included', () => {
  const tree = openModuleTree(directory);
  expect(names(targetModules(tree, ['ext4'], undefined))).toEqual([
    'virtio_ring',
    'virtio',
    'virtio_blk',
    'crc32c_intel',
  ]);
  expect(() => targetModules(tree, ['ext4'], ['nvme'])).toThrow(/nvme/);
  expect(() => targetModules(tree, ['ntfs'], undefined)).toThrow(
    /Cannot write dumps to ntfs: .*; expected one of ext4/,
  );
});

test('the character sets of a FAT’s mount options are required', () => {
  expect(optionModules('vfat', 'rw,codepage=850,iocharset=iso8859-15,shortname=mixed')).toEqual([
    'nls_cp850',
    'nls_iso8859-15',
  ]);
  expect(optionModules('ext4', 'rw,codepage=850')).toEqual([]);
});

test.each([
  ['kernel/drivers/net/virtio_net.ko.xz', true],
  ['kernel/net/core/failover.ko', true],
  ['kernel/drivers/block/virtio_blk.ko', false],
  ['kernel/drivers/scsi/subnet.ko', false],
])('%s is of the network: %s', (file, is) => expect(isNetworkModule(file)).toBe(is));
