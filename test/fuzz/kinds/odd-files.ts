/** What may lie under a file's name in place of the file: links, pipes, devices, sockets, directories, files of huge sizes. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '../../support/random.ts';

export interface OddFile {
  readonly label: string;
  /** Takes the place of what is there. */
  put(path: string): void;
}

const NOBODY = 65534;

function ofSize(sizeBytes: number): (path: string) => void {
  return path => {
    const fd = openSync(path, 'w');
    ftruncateSync(fd, sizeBytes);
    closeSync(fd);
  };
}

interface Row {
  readonly label: string;
  put(path: string, folder: string): void;
}

const ODD_FILES: readonly Row[] = [
  { label: 'a link to nothing', put: path => symlinkSync('nothing', path) },
  { label: 'a link to itself', put: path => symlinkSync(path, path) },
  { label: 'a link to /dev/zero', put: path => symlinkSync('/dev/zero', path) },
  { label: 'a link to the parent', put: path => symlinkSync('..', path) },
  { label: 'a link to /proc/self/mem', put: path => symlinkSync('/proc/self/mem', path) },
  { label: 'a pipe', put: (path, folder) => node(path, folder, ['p']) },
  { label: 'the device null', put: (path, folder) => node(path, folder, ['c', '1', '3']) },
  { label: 'the device zero', put: (path, folder) => node(path, folder, ['c', '1', '5']) },
  { label: 'a directory', put: path => mkdirSync(path) },
  {
    label: 'a deep directory',
    put: path => mkdirSync(join(path, ...Array<string>(40).fill('deep')), { recursive: true }),
  },
  { label: 'an empty file', put: ofSize(0) },
  { label: 'a hole of 5 bytes', put: ofSize(5) },
  { label: 'a hole of 1 GiB', put: ofSize(2 ** 30) },
  { label: 'a hole of 8 TiB', put: ofSize(2 ** 43) },
  {
    label: 'a file that nobody may read',
    put(path) {
      writeFileSync(path, 'x');
      chmodSync(path, 0);
    },
  },
  {
    label: 'a file of another user',
    put(path) {
      writeFileSync(path, 'x');
      if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
    },
  },
  {
    label: 'a link of another user',
    put(path) {
      symlinkSync('/etc/passwd', path);
      if (process.getuid?.() === 0) lchownSync(path, NOBODY, NOBODY);
    },
  },
  {
    label: 'another name of the directory’s other file',
    put(path) {
      const other = join(dirname(path), `.other-${process.pid}`);
      writeFileSync(other, 'KDUMP   ');
      linkSync(other, path);
      rmSync(other);
    },
  },
];

/** @param folder outside of what is tried, on the same file system. */
export function placeOddly(random: Random, folder: string): OddFile {
  const { label, put } = random.pick(ODD_FILES);
  return {
    label,
    put(path) {
      rmSync(path, { recursive: true, force: true });
      put(path, folder);
    },
  };
}

/** Made once for the process and then linked: `mknod` is a program. Root alone may make devices; for others a file stands in. */
function node(path: string, folder: string, type: readonly string[]): void {
  const made = join(folder, `node-${type.join('-')}`);
  if (!existsSync(made)) {
    try {
      execFileSync('mknod', [made, ...type], { stdio: 'ignore' });
    } catch {
      writeFileSync(made, '');
    }
  }
  linkSync(made, path);
}
