/** Opens files that others may have put on a disk: links are not followed, pipes not waited for, sizes bounded. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SystemError } from '../../errors.ts';

/** The caller closes it. @throws SystemError for what is no regular file; what Node's calls throw. */
export function openRegular(path: string): number {
  const refuse = (actual: string, cause?: unknown) =>
    new SystemError(
      'NOT_A_FILE',
      { action: `read ${path}`, actual, wanted: 'a regular file' },
      {},
      { cause },
    );
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw refuse('it is a symbolic link');
    // ENXIO: a socket.
    if (code === 'ENXIO') throw refuse('it is a socket');
    throw error;
  }
  const found = fstatSync(fd);
  if (found.isFile()) return fd;
  closeSync(fd);
  throw refuse(found.isDirectory() ? 'it is a directory' : 'it is a device or a pipe');
}

/** @throws SystemError also for a file of more than `mostBytes`. */
export function readRegular(path: string, mostBytes: number): Buffer {
  const fd = openRegular(path);
  try {
    const { size } = fstatSync(fd);
    if (size > mostBytes)
      throw new SystemError('TOO_LARGE', {
        action: `read ${path}`,
        actual: `it has ${size} bytes`,
        wanted: `${mostBytes} at most`,
      });
    const bytes = Buffer.alloc(size);
    let done = 0;
    while (done < size) {
      const count = readSync(fd, bytes, done, size - done, done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(fd);
  }
}
