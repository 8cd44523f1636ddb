import { expect, test } from 'vitest';
import { builtInDrivers, configGaps, parseConfig } from '../../../../qemu/kernel/config-needs.ts';

const DISK = { bus: 'virtio-blk', fs: 'ext4', layout: 'whole' } as const;
const OPTIONS =
  '64BIT KEXEC_FILE CRASH_DUMP PROC_VMCORE RELOCATABLE BLK_DEV_INITRD DEVTMPFS TMPFS PROC_FS SYSFS BINFMT_ELF BINFMT_SCRIPT PRINTK SERIAL_8250_CONSOLE PCI ACPI MAGIC_SYSRQ FUTEX EPOLL EVENTFD UNIX BLK_DEV_LOOP SQUASHFS SQUASHFS_ZSTD EXT4_FS VIRTIO_PCI VIRTIO_BLK';

function config(changes: Readonly<Record<string, 'm' | 'n'>> = {}) {
  const lines = OPTIONS.split(' ').map(name => {
    const value = changes[name] ?? 'y';
    return value === 'n' ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`;
  });
  return parseConfig(lines.join('\n'));
}

test('a kernel with all that is needed has no gaps, with its drivers built in or as modules', () => {
  expect(configGaps(config(), DISK, false)).toEqual([]);
  expect(configGaps(config({ VIRTIO_BLK: 'm', SQUASHFS: 'm' }), DISK, true)).toEqual([]);
});

test.each(['CRASH_DUMP', 'PROC_VMCORE', 'KEXEC_FILE', 'SQUASHFS', 'VIRTIO_BLK'])(
  'a kernel without %s: the gap is named',
  option => {
    const gaps = configGaps(config({ [option]: 'n' }), DISK, true);
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatch(new RegExp(`^CONFIG_${option}=y is missing: `));
  },
);

test('what must be built in is a gap as a module', () => {
  expect(configGaps(config({ PROC_VMCORE: 'm' }), DISK, true)).toHaveLength(1);
});

test('a driver that is a module is a gap where there are no modules', () => {
  expect(configGaps(config({ EXT4_FS: 'm' }), DISK, false)).toEqual([
    'CONFIG_EXT4_FS=m, and there is no module tree: the guest’s own files',
  ]);
});

test('another boot disk needs other options', () => {
  const disk = { bus: 'nvme', fs: 'xfs', layout: 'lvm' } as const;
  expect(configGaps(config(), disk, true).map(gap => gap.split('=')[0])).toEqual([
    'CONFIG_BLK_DEV_NVME',
    'CONFIG_XFS_FS',
    'CONFIG_BLK_DEV_DM',
  ]);
});

test('the drivers that are built in', () => {
  expect(builtInDrivers(config({ SQUASHFS: 'm' }), DISK)).toEqual([
    'loop',
    'ext4',
    'virtio_pci',
    'virtio_blk',
  ]);
});
