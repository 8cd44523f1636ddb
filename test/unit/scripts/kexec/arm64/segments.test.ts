/** Where kexec_load puts what, judged by dtc, readelf and objdump. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeCoreHeader } from '../../../../../scripts/lib/kexec/arm64/core-header.ts';
import {
  cells,
  type DeviceTree,
  decodeDeviceTree,
} from '../../../../../scripts/lib/kexec/arm64/device-tree.ts';
import { openKernelImage } from '../../../../../scripts/lib/kexec/arm64/kernel-image.ts';
import { withVirtual } from '../../../../../scripts/lib/kexec/arm64/linear-map.ts';
import { type LoadRequest, planSegments } from '../../../../../scripts/lib/kexec/arm64/segments.ts';
import { arm64Image } from '../../../../support/arm64-image.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-kexec-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const MIB = 1 << 20;
const RESERVED = { start: 0x5000_0000, end: 0x5800_0000 };

/** As QEMU's virt leaves it, or with other cells. */
function machineTree(addressCells = 2, sizeCells = 2): DeviceTree {
  const chosen = new Map([
    ['bootargs', Buffer.from('console=ttyAMA0\0')],
    ['kaslr-seed', Buffer.alloc(8)],
    ['linux,initrd-start', cells(0x4800_0000)],
    ['linux,uefi-mmap-size', cells(1234)],
    ['stdout-path', Buffer.from('/pl011@9000000\0')],
  ]);
  const properties = new Map([
    ['#address-cells', cells(addressCells)],
    ['#size-cells', cells(sizeCells)],
  ]);
  return {
    root: { name: '', properties, children: [{ name: 'chosen', properties: chosen, children: [] }] },
    reserves: [{ start: 0x4800_0000n, bytes: 0x10_0000n }],
    bootCpu: 0,
  };
}

function request(changes: Partial<LoadRequest> = {}): LoadRequest {
  return {
    image: openKernelImage(arm64Image({ memoryBytes: 3 * MIB })),
    initrd: Buffer.alloc(5 * MIB + 1, 7),
    commandLine: 'console=ttyAMA0 cma=0',
    coreHeader: Buffer.alloc(1000, 1),
    tree: machineTree(),
    reserved: [RESERVED],
    pageBytes: 4096,
    ...changes,
  };
}

/** The device tree among the segments. */
function treeIn({ segments }: ReturnType<typeof planSegments>): Buffer {
  return segments.find(({ bytes }) => bytes.readUInt32BE(0) === 0xd00dfeed)!.bytes;
}

describe('the segments', () => {
  test.each([4096, 16384, 65536])(
    'with pages of %d bytes: whole pages within the reservation, apart',
    pageBytes => {
      const { segments, entry } = planSegments(request({ pageBytes }));
      expect(segments).toHaveLength(5);
      let end = RESERVED.start;
      for (const { address, memoryBytes, bytes } of segments) {
        expect([address % pageBytes, memoryBytes % pageBytes]).toEqual([0, 0]);
        expect(address).toBeGreaterThanOrEqual(end);
        expect(memoryBytes).toBeGreaterThanOrEqual(bytes.length);
        end = address + memoryBytes;
      }
      expect(end).toBeLessThanOrEqual(RESERVED.end);
      expect(entry).toBe(segments.at(-1)!.address);
    },
  );

  test('the kernel is at a multiple of 2 MiB plus its text offset, with room for its bss', () => {
    const image = openKernelImage(arm64Image({ textOffset: 0x8_0000, memoryBytes: 3 * MIB }));
    const reserved = [{ start: 0x5010_0000, end: 0x5800_0000 }];
    const [kernel] = planSegments(request({ image, reserved })).segments;
    expect(kernel).toMatchObject({ address: 0x5028_0000, memoryBytes: 3 * MIB });
  });

  test('everything is in the larger of two ranges, which comes first in what may be used', () => {
    const low = { start: 0x4000_0000, end: 0x4080_0000 };
    const plan = planSegments(request({ reserved: [low, RESERVED] }));
    expect(plan.segments.every(({ address }) => address >= RESERVED.start)).toBe(true);
    const usable = decodeDeviceTree(treeIn(plan)).root.children[0]!.properties.get(
      'linux,usable-memory-range',
    );
    expect(usable).toEqual(cells(0, 0x5000_0000, 0, 0x0800_0000, 0, 0x4000_0000, 0, 0x0080_0000));
  });

  test('the first instructions put the device tree into x0, zeros into x1 to x3, and jump to the kernel', () => {
    const plan = planSegments(request());
    const { bytes } = plan.segments.at(-1)!;
    const objdump = ['-D', '-b', 'binary', '-m', 'aarch64', '--no-show-raw-insn'];
    const text = execFileSync('aarch64-linux-gnu-objdump', [
      ...objdump,
      written('starter', bytes),
    ]).toString();
    const instructions = [...text.matchAll(/^ +[0-9a-f]+:\t(\S+)\t?(.*)$/gm)].map(([, name, operands]) =>
      `${name} ${operands}`.replace(/\s+/g, ' ').trim(),
    );
    expect(instructions.slice(0, 6)).toEqual([
      'ldr x17, 0x18',
      'ldr x0, 0x20',
      'mov x1, xzr',
      'mov x2, xzr',
      'mov x3, xzr',
      'br x17',
    ]);
    const tree = plan.segments.find(segment => segment.bytes === treeIn(plan))!;
    expect(bytes.readBigUInt64LE(0x18)).toBe(BigInt(plan.segments[0]!.address));
    expect(bytes.readBigUInt64LE(0x20)).toBe(BigInt(tree.address));
  });
});

describe('the device tree of the crash kernel', () => {
  test('says where its initrd, its memory and the crashed memory’s description are', () => {
    const plan = planSegments(request());
    const [, header, initrd] = plan.segments;
    const source = execFileSync('dtc', ['-q', '-I', 'dtb', '-O', 'dts'], { input: treeIn(plan) }).toString();
    const hex = (value: number) => `0x${value.toString(16).padStart(2, '0')}`;
    expect(source).toContain(`linux,initrd-start = <0x00 ${hex(initrd!.address)}>;`);
    expect(source).toContain(`linux,initrd-end = <0x00 ${hex(initrd!.address + 5 * MIB + 1)}>;`);
    expect(source).toContain(`linux,elfcorehdr = <0x00 ${hex(header!.address)} 0x00 0x3e8>;`);
    expect(source).toContain('linux,usable-memory-range = <0x00 0x50000000 0x00 0x8000000>;');
    expect(source).toContain('bootargs = "console=ttyAMA0 cma=0";');
    expect(source).toContain('linux,uefi-mmap-size = <0x4d2>;');
    expect(source).toContain('stdout-path = "/pl011@9000000";');
    expect(source).toContain('/memreserve/\t0x0000000048000000 0x0000000000100000;');
    expect(source).not.toContain('kaslr-seed');
  });

  test('has addresses of one cell where the machine’s has', () => {
    const plan = planSegments(request({ tree: machineTree(1, 1) }));
    const usable = decodeDeviceTree(treeIn(plan)).root.children[0]!.properties.get(
      'linux,usable-memory-range',
    );
    expect(usable).toEqual(cells(0x5000_0000, 0x0800_0000));
  });

  test('is refused when an address does not fit its cells', () => {
    const reserved = [{ start: 0x20_0000_0000, end: 0x20_4000_0000 }];
    expect(() => planSegments(request({ tree: machineTree(1, 1), reserved }))).toThrow(
      /has 1 cells for an address like 0x20/,
    );
    expect(() => planSegments(request({ tree: machineTree(3, 2) }))).toThrow(/has 3 cells/);
  });
});

test('a reservation that is too small is refused, with what is needed', () => {
  const reserved = [{ start: 0x5000_0000, end: 0x5040_0000 }];
  expect(() => planSegments(request({ reserved }))).toThrow(
    /the crash kernel takes 9 MiB; expected at most 4 MiB. Reserve more memory/,
  );
});

test('an image whose text offset is no multiple of the page size is refused', () => {
  const image = openKernelImage(arm64Image({ textOffset: 0x1000 }));
  expect(() => planSegments(request({ image, pageBytes: 65536 }))).toThrow(
    /multiple of the page size, 65536 bytes/,
  );
});

describe('the header of /proc/vmcore', () => {
  test('is what readelf reads', () => {
    const bytes = encodeCoreHeader(
      [{ start: 0x7f00_1000, bytes: 424 }],
      [{ start: 0x4000_0000, end: 0x5000_0000, virtual: 0xffff_0000_0000_0000n }],
    );
    const text = execFileSync('readelf', ['-W', '-h', '-l', written('header', bytes)]).toString();
    expect(text).toMatch(/Type: +CORE/);
    expect(text).toMatch(/Machine: +AArch64/);
    expect(text).toMatch(/NOTE +0x7f001000 0x0000000000000000 0x000000007f001000 0x0001a8 0x0001a8 /);
    expect(text).toMatch(/LOAD +0x40000000 0xffff000000000000 0x0000000040000000 0x10000000 0x10000000 RWE/);
  });

  test('has the addresses of the linear mapping that /proc/kcore has', () => {
    const kcore = encodeCoreHeader(
      [],
      [
        { start: 0x4021_0000, end: 0x4100_0000, virtual: 0xffff_8000_8000_0000n },
        { start: 0x4000_0000, end: 0x8000_0000, virtual: 0xffff_0000_1234_0000n },
      ],
    );
    const ranges = [
      { start: 0x4021_0000, end: 0x5000_0000 },
      { start: 0x9000_0000, end: 0x9100_0000 },
    ];
    const virtual = (head: Buffer | undefined) => withVirtual(ranges, head).map(range => range.virtual);
    expect(virtual(kcore)).toEqual([0xffff_0000_1255_0000n, 0n]);
    expect(virtual(kcore.subarray(0, 100))).toEqual([0n, 0n]);
    expect(virtual(undefined)).toEqual([0n, 0n]);
  });
});
