/**
 * Lab fault. Every read of /proc/vmcore that touches a chosen part of it ends in EIO: mocked, since no machine here has
 * memory that cannot be read. Mapping is off, because a mapping that fails has no error to give back.
 */
import fs from 'node:fs';
import { runAsInit } from '../../capture/pid1.ts';

/** Kernel memory of the crashed machine: 16 of these pages' first bytes are within the lab's smallest machine. */
const BAD = { from: 64 << 20, to: (64 << 20) + 16 * 4096 };

const { openSync, readSync } = fs;
const vmcores = new Set<number>();
const patched = fs as unknown as Record<string, unknown>;
patched.openSync = (path: string, ...rest: [string]) => {
  const fd = openSync(path, ...rest);
  if (path === '/proc/vmcore') vmcores.add(fd);
  return fd;
};
patched.readSync = (fd: number, into: Uint8Array, at: number, lengthBytes: number, offset: number) => {
  if (vmcores.has(fd) && offset < BAD.to && offset + lengthBytes > BAD.from) {
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
  }
  return readSync(fd, into, at, lengthBytes, offset);
};

runAsInit();
