import { expect, test } from 'vitest';
import {
  builtInDrivers,
  configGaps,
  configWishes,
  parseConfig,
  triggerGaps,
} from '../../../../qemu/kernel/config-needs.ts';

const DISK = {
  disk: { bus: 'virtio-blk', fs: 'ext4', layout: 'whole' },
  roles: ['first', 'capture'],
} as const;
const MODULES = { has: () => true };
const OPTIONS =
  '64BIT KEXEC_FILE CRASH_DUMP PROC_VMCORE RELOCATABLE BLK_DEV_INITRD RD_GZIP DEVTMPFS TMPFS PROC_FS SYSFS BINFMT_ELF BINFMT_SCRIPT PRINTK SERIAL_8250_CONSOLE PCI ACPI MAGIC_SYSRQ FUTEX EPOLL EVENTFD UNIX BLK_DEV_LOOP SQUASHFS SQUASHFS_ZSTD EXT4_FS VIRTIO_PCI VIRTIO_BLK';

function config(changes: Readonly<Record<string, 'm' | 'n'>> = {}) {
  const lines = OPTIONS.split(' ').map(name => {
    const value = changes[name] ?? 'y';
    return value === 'n' ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`;
  });
  return parseConfig(lines.join('\n'));
}

test('a kernel with all that is needed has no gaps, with its drivers built in or as modules', () => {
  expect(configGaps(config(), DISK, undefined)).toEqual([]);
  expect(configGaps(config({ VIRTIO_BLK: 'm', SQUASHFS: 'm' }), DISK, MODULES)).toEqual([]);
});

test.each(['CRASH_DUMP', 'PROC_VMCORE', 'KEXEC_FILE', 'SQUASHFS', 'VIRTIO_BLK'])(
  'a kernel without %s: the gap is named',
  option => {
    const gaps = configGaps(config({ [option]: 'n' }), DISK, MODULES);
    expect(gaps).toHaveLength(1);
    expect(gaps[0].text).toMatch(new RegExp(`^CONFIG_${option}=y is missing: `));
  },
);

test('what must be built in is a gap as a module', () => {
  expect(configGaps(config({ PROC_VMCORE: 'm' }), DISK, MODULES)).toHaveLength(1);
});

test('a driver that is a module is a gap where there are no modules', () => {
  expect(configGaps(config({ EXT4_FS: 'm' }), DISK, undefined)[0].text).toBe(
    'CONFIG_EXT4_FS=m, and there is no module tree: the guest’s own files',
  );
});

test('a driver that is a module and was not built is a gap', () => {
  expect(configGaps(config({ VIRTIO_BLK: 'm' }), DISK, { has: () => false })[0].text).toBe(
    'CONFIG_VIRTIO_BLK=m, and the module virtio_blk was not built: disks',
  );
});

test('of two kernels, each needs its own part', () => {
  const bare = config({ PROC_VMCORE: 'n', SQUASHFS: 'n', EPOLL: 'n' });
  expect(configGaps(bare, { ...DISK, roles: ['first'] }, MODULES)).toEqual([]);
  expect(configGaps(bare, { ...DISK, roles: ['capture'] }, MODULES)).toHaveLength(3);
  const unarmed = config({ KEXEC_FILE: 'n' });
  expect(configGaps(unarmed, { ...DISK, roles: ['first'] }, MODULES)).toHaveLength(1);
  expect(configGaps(unarmed, { ...DISK, roles: ['capture'] }, MODULES)).toEqual([]);
});

test('what a report will lack is a wish and no gap', () => {
  expect(configWishes(config(), DISK)).toEqual([
    'without CONFIG_KALLSYMS=y the report cannot name functions',
    'without CONFIG_DEBUG_INFO_BTF=y the report cannot show structures, locks or waiting tasks',
  ]);
  expect(configWishes(config(), { ...DISK, roles: ['capture'] })).toEqual([]);
});

test('a trigger that the configuration rules out is named by the option', () => {
  const options = (name: string, text: string, needsModule?: true) =>
    triggerGaps(parseConfig(text), { name, ...(needsModule && { needsModule }) }).map(({ option }) => option);
  expect(options('sysrq-c', '')).toEqual([]);
  expect(options('kfence', '', true)).toEqual(['MODULES', 'KFENCE']);
  expect(options('corrupt-list', 'CONFIG_MODULES=y\nCONFIG_LIST_HARDENED=y', true)).toEqual([]);
});

test('what a gap takes to close has the options that Kconfig hides it behind, unless they are set', () => {
  const [virtio] = configGaps(config({ VIRTIO_PCI: 'n' }), DISK, MODULES);
  expect(virtio!.fix).toEqual(['-e VIRTIO_MENU', '-e VIRTIO_PCI']);
  const shown = parseConfig('CONFIG_DEBUG_KERNEL=y\nCONFIG_MODULES=y');
  const [count] = triggerGaps(shown, { name: 'sleep-in-atomic', needsModule: true });
  expect(count!.fix).toEqual(['-e DEBUG_ATOMIC_SLEEP', '-e PREEMPT_COUNT']);
  const [kfence] = triggerGaps(parseConfig('CONFIG_SLOB=y'), { name: 'kfence' });
  expect(kfence!.fix).toEqual(['-d SLOB', '-e SLUB', '-e KFENCE']);
});

test.each(['KEXEC_SIG_FORCE', 'LOCK_DOWN_KERNEL_FORCE_INTEGRITY'])(
  'a kernel that loads only signed crash kernels, by %s, can capture and not crash',
  option => {
    const forced = parseConfig(
      `${[...config()].map(([name]) => `CONFIG_${name}=y`).join('\n')}\nCONFIG_${option}=y`,
    );
    const [gap] = configGaps(forced, DISK, MODULES);
    expect(gap).toMatchObject({ option, fix: [`-d ${option}`] });
    expect(gap!.text).toMatch(`CONFIG_${option}=y is set: `);
    expect(configGaps(forced, { ...DISK, roles: ['capture'] }, MODULES)).toEqual([]);
  },
);

test('a kernel that loads only signed modules cannot load the lab’s', () => {
  const signed = parseConfig('CONFIG_MODULES=y\nCONFIG_MODULE_SIG_FORCE=y');
  expect(triggerGaps(signed, { name: 'null', needsModule: true }).map(({ option }) => option)).toEqual([
    'MODULE_SIG_FORCE',
  ]);
});

test('another boot disk needs other options', () => {
  const disk = { bus: 'nvme', fs: 'xfs', layout: 'lvm' } as const;
  const gaps = configGaps(config(), { ...DISK, disk }, MODULES);
  expect(gaps.map(({ option }) => option)).toEqual(['BLK_DEV_NVME', 'XFS_FS', 'BLK_DEV_DM']);
});

test('the drivers that are built in', () => {
  expect(builtInDrivers(config({ SQUASHFS: 'm' }), DISK)).toEqual([
    'loop',
    'ext4',
    'virtio_pci',
    'virtio_blk',
  ]);
});
