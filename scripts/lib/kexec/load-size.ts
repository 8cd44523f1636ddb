/** What kexec puts into the reservation when it loads the crash kernel, before anything is unpacked. */
import { closeSync, openSync, readSync } from 'node:fs';
import { attempt } from '../../../capture/errors.ts';
import type { Host } from '../host/host.ts';

/**
 * ELF headers for each CPU and memory range, the command line, purgatory, and what alignment costs (Linux
 * kernel/crash_core.c, arch/x86/kernel/kexec-bzimage64.c).
 */
const BESIDE_BYTES = 4 * 2 ** 20;

const HEAD_BYTES = 0x268;
/** Linux Documentation/arch/x86/boot.rst. */
const X86 = { magicAt: 0x202, magic: 'HdrS', versionAt: 0x206, leastVersion: 0x20a, initSizeAt: 0x260 };
/** Linux Documentation/arch/arm64/booting.rst. */
const ARM64 = { magicAt: 56, magic: 'ARM\x64', imageSizeAt: 16 };

/**
 * @param kernel its image, on the host.
 * @returns the memory that the unpacked kernel takes, which its image says; undefined for an image of another form.
 */
export function unpackedKernelBytes(host: Host, kernel: string): number | undefined {
  const head = attempt(() => readHead(host.path(kernel)));
  if (!head || head.length < HEAD_BYTES) return undefined;
  const has = ({ magicAt, magic }: { magicAt: number; magic: string }) =>
    head.toString('latin1', magicAt, magicAt + magic.length) === magic;
  if (has(X86) && head.readUInt16LE(X86.versionAt) >= X86.leastVersion)
    return head.readUInt32LE(X86.initSizeAt);
  return has(ARM64) ? Number(head.readBigUInt64LE(ARM64.imageSizeAt)) || undefined : undefined;
}

/** What the piece of memory must hold that the crash kernel is loaded into. */
export function loadBytes(kernelBytes: number, imageBytes: number): number {
  return kernelBytes + imageBytes + BESIDE_BYTES;
}

function readHead(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}
