import { describe, expect, test } from 'vitest';
import { readProcessFiles } from '../../../../capture/autopsy/vfs/open-files.ts';
import { testDamage } from '../../../support/damage.ts';
import type { SmallKernel } from '../../../support/small-kernel.ts';
import { addDentry, buildTree, DATA, LOGS, MEMBERS, PASSWD, PIPE, ROOT } from './tree-fixture.ts';

const TASK = 0x5000n;
const FS = 0x5100n;
const FILES = 0x5200n;
const TABLE = 0x5300n;
const POINTERS = 0x50000n;
const OPEN = [0x7000n, 0x7100n, 0x7200n];

const OF_TASK = {
  'task_struct.fs': [0, 8],
  'task_struct.files': [8, 8],
  'fs_struct.root': [0, 16],
  'fs_struct.pwd': [16, 16],
  'files_struct.fdt': [0, 8],
  'fdtable.max_fds': [0, 4],
  'fdtable.fd': [8, 8],
  'file.f_path': [0, 16],
  'file.f_inode': [16, 8],
} as const;
const UNUSED = [
  'mount.mnt_devname',
  'mount.mnt_list',
  'mount.mnt.mnt_sb',
  'mount.mnt.mnt_flags',
  'super_block.s_flags',
];

function build(): SmallKernel {
  const kernel = buildTree({ ...MEMBERS, ...OF_TASK });
  kernel.set(TASK, 'task_struct.fs', FS);
  kernel.set(TASK, 'task_struct.files', FILES);
  setPath(kernel, FS, ROOT.mount, ROOT.dentry);
  setPath(kernel, FS + 16n, DATA.mount, LOGS);
  kernel.set(FILES, 'files_struct.fdt', TABLE);
  kernel.set(TABLE, 'fdtable.max_fds', 600);
  kernel.set(TABLE, 'fdtable.fd', POINTERS);
  for (let fd = 0n; fd < 600n; fd++) kernel.number(POINTERS + 8n * fd, 8, 0n);
  open(kernel, 0, OPEN[0]!, ROOT.mount, PASSWD, 0o100644);
  open(kernel, 3, OPEN[1]!, PIPE.mount, PIPE.dentry, 0o010600);
  open(kernel, 577, OPEN[2]!, DATA.mount, LOGS, 0o040755);
  for (const path of UNUSED) kernel.loseMember(path);
  return kernel;
}

function setPath(kernel: SmallKernel, at: bigint, mount: bigint, dentry: bigint): void {
  kernel.set(at, 'path.mnt', mount + 32n);
  kernel.set(at, 'path.dentry', dentry);
}

function open(kernel: SmallKernel, fd: number, file: bigint, mount: bigint, dentry: bigint, mode: number) {
  kernel.number(POINTERS + BigInt(8 * fd), 8, file);
  setPath(kernel, file, mount, dentry);
  kernel.set(file, 'file.f_inode', dentry + 0x10000n);
  kernel.set(dentry + 0x10000n, 'inode.i_mode', mode);
}

const read = (kernel: Parameters<typeof readProcessFiles>[0]) => readProcessFiles(kernel, TASK);

test('open files, root and working directory', () => {
  expect(read(build().open())).toEqual({
    found: {
      root: '/',
      cwd: '/mnt/Protokolle für heute',
      files: [
        { fd: 0, file: OPEN[0], dentry: PASSWD, inode: PASSWD + 0x10000n, type: 'REG', path: '/etc/passwd' },
        {
          fd: 3,
          file: OPEN[1],
          dentry: PIPE.dentry,
          inode: PIPE.dentry + 0x10000n,
          type: 'FIFO',
          path: `pipe:[${PIPE.dentry % 0x1000n}]`,
        },
        expect.objectContaining({ fd: 577, type: 'DIR', path: '/mnt/Protokolle für heute' }),
      ],
    },
    problems: [],
  });
});

test('a deleted file', () => {
  const kernel = build();
  kernel.set(PASSWD, 'dentry.d_hash.pprev', 0n);
  expect(read(kernel.open()).found.files[0]!.path).toBe('/etc/passwd (deleted)');
});

test('a memory file', () => {
  const kernel = build();
  addDentry(kernel, 0x12700n, 0x12700n, 'memfd:x', ROOT.superBlock);
  kernel.set(0x12700n, 'dentry.d_op', PIPE.operations);
  open(kernel, 4, 0x7300n, ROOT.mount, 0x12700n, 0o100777);
  expect(read(kernel.open()).found.files[2]!.path).toBe('/memfd:x (deleted)');
});

test('a kernel thread has no files', () => {
  const kernel = build();
  kernel.set(TASK, 'task_struct.fs', 0n);
  kernel.set(TASK, 'task_struct.files', 0n);
  expect(read(kernel.open())).toEqual({ found: { files: [] }, problems: [] });
});

test('a table of a billion files is refused', () => {
  const kernel = build();
  kernel.set(TABLE, 'fdtable.max_fds', 1 << 30);
  const { found, problems } = read(kernel.open());
  expect(found.files).toEqual([]);
  expect(problems.join()).toContain('1073741824 entries');
});

test('a table of garbage is given up, and says so once and not for each entry', () => {
  const kernel = build();
  for (let fd = 0; fd < 600; fd++) kernel.number(POINTERS + BigInt(8 * fd), 8, BigInt(fd + 1) << 40n);
  const { found, problems } = read(kernel.open());
  expect(found.files).toEqual([]);
  expect(problems.length).toBeLessThan(20);
});

describe('damage', () => {
  testDamage({ build, read });
});
