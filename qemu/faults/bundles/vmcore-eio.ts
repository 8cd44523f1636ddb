/**
 * A lab fault: once the dump phase begins, reads of the first dumped pages of /proc/vmcore fail with EIO. It is mocked,
 * since QEMU has no memory that cannot be read. It needs an image without the FFI: a failing mapping raises SIGBUS and
 * returns no error.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { runAsInit } from '../../../capture/pid1.ts';

const BAD_BYTES = 16 * 4096;

const { openSync, readSync } = fs;
const vmcores = new Set<number>();
let isDumping = false;
let bad = Number.NaN;

const patched = fs as unknown as Record<string, unknown>;
patched.openSync = (path: string, ...rest: [string]) => {
  const fd = openSync(path, ...rest);
  if (path === '/proc/vmcore') vmcores.add(fd);
  return fd;
};
patched.readSync = (fd: number, into: Uint8Array, at: number, lengthBytes: number, offset: number) => {
  if (isDumping && vmcores.has(fd)) {
    if (Number.isNaN(bad)) bad = offset;
    if (offset < bad + BAD_BYTES && offset + lengthBytes > bad) {
      throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    }
  }
  return readSync(fd, into, at, lengthBytes, offset);
};
syncBuiltinESMExports();

runAsInit({
  onPhase(phase) {
    isDumping = phase === 'dump';
  },
});
