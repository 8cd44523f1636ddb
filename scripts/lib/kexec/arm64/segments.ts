/**
 * What kexec_load puts where for a crash kernel of arm64: the kernel, its initrd, the header of /proc/vmcore, the device tree,
 * and a few instructions that start the kernel (Linux Documentation/arch/arm64/booting.rst; arch/arm64/kernel/machine_kexec.c).
 */
import { Buffer } from 'node:buffer';
import { Failure } from '../../../../capture/errors.ts';
import { makeCrashTree } from './crash-tree.ts';
import { type DeviceTree, encodeDeviceTree } from './device-tree.ts';
import type { KernelImage } from './kernel-image.ts';
import type { MemoryRange } from './memory-map.ts';

export interface Segment {
  readonly bytes: Buffer;
  /** Physical, a multiple of the page size. */
  readonly address: number;
  /** A multiple of the page size; what is past `bytes` becomes zeros. */
  readonly memoryBytes: number;
}

export interface LoadPlan {
  /** Where execution begins. */
  readonly entry: number;
  readonly segments: readonly Segment[];
}

export interface LoadRequest {
  readonly image: KernelImage;
  readonly initrd: Buffer;
  readonly commandLine: string;
  readonly coreHeader: Buffer;
  /** Of the running kernel; it becomes that of the crash kernel. */
  readonly tree: DeviceTree;
  /** What is reserved, the lower range first. */
  readonly reserved: readonly MemoryRange[];
  readonly pageBytes: number;
}

const MIB = 1 << 20;
const KERNEL_STEP_BYTES = 2 * MIB;
/** booting.rst. */
const LARGEST_TREE_BYTES = 2 * MIB;
/** The kernel maps its initrd from a window of 32 GiB around itself (booting.rst). */
const WINDOW_BYTES = 32 * 1024 * MIB;

/** Everything goes into the largest range. @throws Failure when it is too small. */
export function planSegments(request: LoadRequest): LoadPlan {
  const { image, initrd, commandLine, coreHeader, tree, reserved, pageBytes } = request;
  const range = reserved.reduce((largest, one) => (sizeOf(one) > sizeOf(largest) ? one : largest));
  const segments: Segment[] = [];
  let next = roundUp(range.start, KERNEL_STEP_BYTES);
  const put = (bytes: Buffer, memoryBytes = bytes.length): MemoryRange => {
    const segment = { bytes, address: next, memoryBytes: roundUp(memoryBytes, pageBytes) };
    segments.push(segment);
    next += segment.memoryBytes;
    return { start: segment.address, end: segment.address + bytes.length };
  };
  next += image.textOffset;
  requirePage(next, pageBytes);
  const kernel = put(image.bytes, image.memoryBytes);
  const header = put(coreHeader);
  const initrdAt = put(initrd);
  // The kernel cuts its memory to the first range and adds the others (Linux drivers/of/fdt.c).
  const usable = [range, ...reserved.filter(one => one !== range)];
  makeCrashTree(tree, { commandLine, initrd: initrdAt, coreHeader: header, usable });
  const blob = encodeDeviceTree(tree);
  if (blob.length > LARGEST_TREE_BYTES) throw tooLarge('device tree', blob.length, LARGEST_TREE_BYTES);
  const treeAt = put(blob);
  const entry = put(starter(kernel.start, treeAt.start));
  if (next > range.end || next - range.start > WINDOW_BYTES)
    throw tooLarge('crash kernel', next - range.start, sizeOf(range));
  return { entry: entry.start, segments };
}

/**
 * The kernel begins with the physical address of its device tree in x0 and zeros in x1 to x3. kexec_load's caller cannot set
 * registers, so these instructions do, and jump: ldr x17, kernel; ldr x0, tree; mov x1 to x3, xzr; br x17.
 */
function starter(kernel: number, tree: number): Buffer {
  const CODE = [0x580000d1, 0x580000e0, 0xaa1f03e1, 0xaa1f03e2, 0xaa1f03e3, 0xd61f0220];
  const bytes = Buffer.alloc(CODE.length * 4 + 16);
  for (const [index, instruction] of CODE.entries()) bytes.writeUInt32LE(instruction, index * 4);
  bytes.writeBigUInt64LE(BigInt(kernel), CODE.length * 4);
  bytes.writeBigUInt64LE(BigInt(tree), CODE.length * 4 + 8);
  return bytes;
}

function requirePage(address: number, pageBytes: number): void {
  if (address % pageBytes === 0) return;
  throw new Failure('KERNEL_IMAGE', {
    action: 'load the crash kernel by kexec_load',
    actual: `the kernel image wants an address like 0x${address.toString(16)}`,
    wanted: `a multiple of the page size, ${pageBytes} bytes`,
  });
}

function tooLarge(what: string, bytes: number, most: number): Failure {
  const mib = (size: number) => `${Math.ceil(size / MIB)} MiB`;
  return new Failure('TOO_LARGE', {
    action: 'load the crash kernel by kexec_load',
    actual: `the ${what} takes ${mib(bytes)}`,
    wanted: `at most ${mib(most)}`,
    toDo: 'Reserve more memory: see `kdumpling estimate`',
  });
}

function sizeOf({ start, end }: MemoryRange): number {
  return end - start;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
