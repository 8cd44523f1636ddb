/** flock(2), which Node has no call for. */
import { SystemError } from '../errors.ts';
import { type Ffi, openLibrary } from './library.ts';

/** asm-generic/fcntl.h */
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

/**
 * Tries to lock an open file for this process alone. The lock ends when the file is closed, also by the process's end.
 * @returns a function that returns whether the lock is held now. It throws SystemError if files cannot be locked here.
 */
export function openFlock(ffi: Ffi): (fd: number) => boolean {
  const flock = openLibrary(ffi, ['libc.so.6']).func('int flock(int, int)');
  return fd => {
    if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
    const errno = ffi.errno();
    if (errno === EWOULDBLOCK) return false;
    throw new SystemError(
      'FLOCK_FAILED',
      { action: 'lock a file', actual: `the kernel refused with errno ${errno}` },
      { errno },
    );
  };
}
