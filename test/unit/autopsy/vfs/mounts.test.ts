import { describe, expect, test } from 'vitest';
import { readMounts } from '../../../../capture/autopsy/vfs/mounts.ts';
import { testDamage } from '../../../support/damage.ts';
import type { SmallKernel } from '../../../support/small-kernel.ts';
import { buildTree, DATA, LOGS, MEMBERS, MNT, ROOT } from './tree-fixture.ts';

const TASK = 0x5000n;
const PROXY = 0x5100n;
const NAMESPACE = 0x5200n;

const OF_TASK = { 'task_struct.nsproxy': [0, 8], 'nsproxy.mnt_ns': [8, 8] } as const;
const USED = Object.fromEntries(
  Object.entries(MEMBERS).filter(
    ([path]) => !/^(inode|path|dentry_op|mount.mnt$)|dentry.d_(op|sb|inode|hash)/.test(path),
  ),
) as Partial<typeof MEMBERS>;

function build(): SmallKernel {
  const kernel = buildTree({ ...MEMBERS, ...OF_TASK, 'mnt_namespace.list': [16, 16] });
  enter(kernel);
  kernel.list(NAMESPACE + 16n, 'mount.mnt_list', [ROOT.mount, DATA.mount]);
  for (const path of Object.keys(MEMBERS)) if (!(path in USED)) kernel.loseMember(path);
  return kernel;
}

function enter(kernel: SmallKernel): void {
  kernel.set(TASK, 'task_struct.nsproxy', PROXY);
  kernel.set(PROXY, 'nsproxy.mnt_ns', NAMESPACE);
}

const MOUNTS = [
  {
    mount: ROOT.mount,
    superBlock: ROOT.superBlock,
    type: 'ext4',
    device: '/dev/vda1',
    directory: '/',
    isReadOnly: false,
  },
  {
    mount: DATA.mount,
    superBlock: DATA.superBlock,
    type: 'fuse.sshfs',
    device: 'host:/data',
    directory: '/mnt',
    isReadOnly: false,
  },
];
const read = (kernel: Parameters<typeof readMounts>[0]) => readMounts(kernel, TASK);

test('mounts from a list, before Linux v6.8', () => {
  expect(read(build().open())).toEqual({ found: MOUNTS, problems: [] });
});

test('mounts from a tree, from Linux v6.8', () => {
  const kernel = buildTree({
    ...MEMBERS,
    ...OF_TASK,
    'mnt_namespace.mounts': [16, 8],
    'mount.mnt_node': [72, 24],
    'rb_root.rb_node': [0, 8],
    'rb_node.rb_left': [16, 8],
    'rb_node.rb_right': [8, 8],
  });
  enter(kernel);
  kernel.set(NAMESPACE, 'mnt_namespace.mounts', DATA.mount + 72n);
  kernel.set(DATA.mount + 72n, 'rb_node.rb_left', ROOT.mount + 72n);
  kernel.set(DATA.mount + 72n, 'rb_node.rb_right', 0n);
  kernel.set(ROOT.mount + 72n, 'rb_node.rb_left', 0n);
  kernel.set(ROOT.mount + 72n, 'rb_node.rb_right', 0n);
  expect(read(kernel.open())).toEqual({ found: MOUNTS, problems: [] });
});

test('the place of a reader of /proc/mounts is no mount', () => {
  const kernel = build();
  kernel.set(DATA.mount, 'mount.mnt.mnt_sb', 0n);
  expect(read(kernel.open())).toEqual({ found: MOUNTS.slice(0, 1), problems: [] });
});

test.each([
  ['the mount', DATA.mount, 'mount.mnt.mnt_flags', 0x1040n],
  ['its file system, after an error', DATA.superBlock, 'super_block.s_flags', 0x70010001n],
] as const)('%s is read-only', (_, at, member, flags) => {
  const kernel = build();
  kernel.set(at, member, flags);
  expect(read(kernel.open()).found.map(({ isReadOnly }) => isReadOnly)).toEqual([false, true]);
});

test('a mount without a device', () => {
  const kernel = build();
  kernel.set(DATA.mount, 'mount.mnt_devname', 0n);
  expect(read(kernel.open()).found[1]!.device).toBe('none');
});

test('a task that has exited has no mounts', () => {
  const kernel = build();
  kernel.set(TASK, 'task_struct.nsproxy', 0n);
  expect(read(kernel.open())).toEqual({ found: [], problems: [] });
});

test('a path that runs in a circle costs its mount', () => {
  const kernel = build();
  kernel.set(MNT, 'dentry.d_parent', LOGS);
  kernel.set(LOGS, 'dentry.d_parent', MNT);
  const { found, problems } = read(kernel.open());
  expect(found).toEqual(MOUNTS.slice(0, 1));
  expect(problems.join()).toContain('more than 4096 directories');
});

test('a list of mounts that runs in a circle ends', () => {
  const kernel = build();
  kernel.number(DATA.mount + 72n, 8, DATA.mount + 72n);
  expect(read(kernel.open()).problems.join()).toContain('in a circle');
});

describe('damage', () => {
  testDamage({ build, read, choices: ['mnt_namespace.list'] });
});
