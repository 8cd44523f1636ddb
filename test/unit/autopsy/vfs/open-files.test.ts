import { describe, expect, test, vi } from 'vitest';
import { readProcessFiles } from '../../../../capture/autopsy/vfs/open-files.ts';
import { Paths } from '../../../../capture/autopsy/vfs/paths.ts';
import { testDamage } from '../../../support/damage.ts';
import { buildFiles, OPEN, openFile, POINTERS, TABLE, TASK } from './files-fixture.ts';
import { addDentry, ETC, PASSWD, PIPE, ROOT } from './tree-fixture.ts';

const read = (kernel: Parameters<typeof readProcessFiles>[0]) => readProcessFiles(kernel, TASK);

test('open files, root and working directory', () => {
  expect(read(buildFiles().open())).toEqual({
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
  const kernel = buildFiles();
  kernel.set(PASSWD, 'dentry.d_hash.pprev', 0n);
  expect(read(kernel.open()).found.files[0]!.path).toBe('/etc/passwd (deleted)');
});

test('a memory file', () => {
  const kernel = buildFiles();
  addDentry(kernel, 0x12700n, 0x12700n, 'memfd:x', ROOT.superBlock);
  kernel.set(0x12700n, 'dentry.d_op', PIPE.operations);
  openFile(kernel, 4, 0x7300n, ROOT.mount, 0x12700n, 0o100777);
  expect(read(kernel.open()).found.files[2]!.path).toBe('/memfd:x (deleted)');
});

test('a kernel thread has no files', () => {
  const kernel = buildFiles();
  kernel.set(TASK, 'task_struct.fs', 0n);
  kernel.set(TASK, 'task_struct.files', 0n);
  expect(read(kernel.open())).toEqual({ found: { files: [] }, problems: [] });
});

test('a table of a billion files is refused', () => {
  const kernel = buildFiles();
  kernel.set(TABLE, 'fdtable.max_fds', 1 << 30);
  const { found, problems } = read(kernel.open());
  expect(found.files).toEqual([]);
  expect(problems.join()).toContain('1073741824 entries');
});

test('a table of garbage is given up, and says so once and not for each entry', () => {
  const kernel = buildFiles();
  for (let fd = 0; fd < 600; fd++) kernel.number(POINTERS + BigInt(8 * fd), 8, BigInt(fd + 1) << 40n);
  const { found, problems } = read(kernel.open());
  expect(found.files).toEqual([]);
  expect(problems.length).toBeLessThan(20);
});

test('what the paths of two files have in common is read once', () => {
  const kernel = buildFiles();
  addDentry(kernel, 0x12800n, ETC, 'shadow', ROOT.superBlock);
  const dead = kernel.open();
  const paths = new Paths(dead);
  const reads = vi.spyOn(dead.memory, 'readVirtualUpTo');
  const readsOf = (dentry: bigint) => {
    reads.mockClear();
    const text = paths.text({ mount: ROOT.mount, dentry });
    return { text, reads: reads.mock.calls.length };
  };
  const [first, second, again] = [PASSWD, 0x12800n, PASSWD].map(readsOf);
  expect([first, second, again].map(found => found!.text)).toEqual([
    '/etc/passwd',
    '/etc/shadow',
    '/etc/passwd',
  ]);
  expect(second!.reads).toBeLessThan(first!.reads);
  expect(again!.reads).toBe(0);
});

test('of more files than are kept, the others are found again each time', () => {
  const kernel = buildFiles();
  const dentries = Array.from({ length: 5000 }, (_, i) => 0x100000n + BigInt(0x40 * i));
  for (const [i, dentry] of dentries.entries()) addDentry(kernel, dentry, ETC, `n${i}`, ROOT.superBlock);
  const dead = kernel.open();
  const paths = new Paths(dead);
  const text = (dentry: bigint) => paths.text({ mount: ROOT.mount, dentry });
  expect(dentries.map(text)).toEqual(dentries.map((_, i) => `/etc/n${i}`));
  const reads = vi.spyOn(dead.memory, 'readVirtualUpTo');
  expect(text(dentries[0]!)).toBe('/etc/n0');
  expect(reads).not.toHaveBeenCalled();
  expect(text(dentries.at(-1)!)).toBe('/etc/n4999');
  expect(reads).toHaveBeenCalled();
});

test('what cannot be read of one path costs no other', () => {
  const kernel = buildFiles();
  addDentry(kernel, 0x12800n, 0x99000n, 'lost', ROOT.superBlock);
  const paths = new Paths(kernel.open());
  const text = (dentry: bigint) => paths.text({ mount: ROOT.mount, dentry });
  expect(() => text(0x12800n)).toThrow('not mapped');
  expect(() => text(0x12800n)).toThrow('not mapped');
  expect(text(PASSWD)).toBe('/etc/passwd');
});

describe('damage', () => {
  testDamage({ build: buildFiles, read });
});
