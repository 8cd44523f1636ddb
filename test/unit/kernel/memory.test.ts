import { beforeEach, describe, expect, it } from 'vitest';
import { KernelError } from '../../../capture/errors.ts';
import { KernelMemory } from '../../../capture/kernel/memory.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { KernelBuilder } from '../../support/kernel-builder.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

/** Three virtual pages in a row, physically apart and in another order; the fourth is mapped but not in the vmcore. */
const VADDR = 0xffa0000000010000n;
const PADDRS = [0xa03000, 0xa01000, 0xa02000];
const MISSING_PADDR = 0xb00000;

let memory: KernelMemory;

beforeEach(() => {
  const builder = new KernelBuilder();
  PADDRS.forEach((paddr, i) => {
    builder.memory.page(paddr / 4096).fill(i + 1);
    builder.map(VADDR + BigInt(i * 4096), paddr, 'page');
  });
  builder.map(VADDR + 0x3000n, MISSING_PADDR, 'page');
  builder.memory.write(PADDRS[0]! + 0xffc, Buffer.from('0123456789abcdef', 'hex').subarray(0, 4));
  builder.memory.write(PADDRS[1]!, Buffer.from('89abcdef', 'hex'));
  builder.memory.write(PADDRS[1]! + 0x800, Buffer.from('caf\xe9 \0rest', 'latin1'));
  builder.memory.u64(PADDRS[1]! + 0x900, 0n);
  memory = KernelMemory.of(openVmcore(new MemorySource(builder.build())));
});

describe('KernelMemory', () => {
  it('reads across pages that are apart', () => {
    const bytes = memory.readVirtual(VADDR + 0x10n, 0x2fe0);
    expect(bytes).toHaveLength(0x2fe0);
    expect([bytes[0], bytes[0x1ff0 + 0x10], bytes[0x2fdf]]).toEqual([1, 3, 3]);
    expect(bytes.subarray(0xfec, 0xff4)).toEqual(new Uint8Array(Buffer.from('0123456789abcdef', 'hex')));
  });

  it('reads scalars, also on the border of two pages', () => {
    expect(memory.u8(VADDR)).toBe(1);
    expect(memory.u16(VADDR + 0xfffn)).toBe(0x8967);
    expect(memory.u32(VADDR + 0xffen)).toBe(0xab896745);
    expect(memory.u64(VADDR + 0xffcn)).toBe(0xefcdab8967452301n);
    expect(memory.pointer(VADDR + 0x2000n)).toBe(0x0303030303030303n);
  });

  it('reads strings up to the NUL, the limit, or the end of the mapping behind a NUL', () => {
    expect(memory.cstring(VADDR + 0x1800n, 64)).toBe('caf\xe9 ');
    expect(memory.cstring(VADDR + 0x1800n, 3)).toBe('caf');
    expect(memory.cstring(VADDR + 0x1800n, 2 ** 30)).toBe('caf\xe9 ');
    expect(() => memory.cstring(VADDR + 0x2000n, 8192, 'a name')).toThrow('Cannot read a name');
  });

  it.each([
    [
      'an unmapped address',
      (m: KernelMemory) => m.u64(0xffa1000000000000n, 'prb'),
      'its address is not mapped',
    ],
    [
      'a page that the vmcore lacks',
      (m: KernelMemory) => m.u64(VADDR + 0x3000n, 'prb'),
      'the vmcore does not hold',
    ],
    [
      'the end of the mapping',
      (m: KernelMemory) => m.readVirtual(VADDR, 0x5000, 'prb'),
      'the vmcore does not hold',
    ],
    ['a NULL pointer', (m: KernelMemory) => m.pointer(VADDR + 0x1900n, 'prb'), 'it is NULL'],
    ['address 0', (m: KernelMemory) => m.u8(0n, 'prb'), 'its address is not mapped'],
    ['below 0', (m: KernelMemory) => m.u8(-1n, 'prb'), 'its address is not mapped'],
    ['past 2^64', (m: KernelMemory) => m.u64(2n ** 64n - 4n, 'prb'), 'its address is not mapped'],
    ['a negative length', (m: KernelMemory) => m.readVirtual(VADDR, -1, 'prb'), 'its length is -1'],
    [
      'a length without sense',
      (m: KernelMemory) => m.readVirtual(VADDR, 2 ** 40, 'prb'),
      'its length is 1099511627776',
    ],
    ['half a byte', (m: KernelMemory) => m.readVirtual(VADDR, 0.5, 'prb'), 'its length is 0.5'],
  ])('refuses %s', (_, act, actual) => {
    expect(() => act(memory)).toThrow(KernelError);
    expect(() => act(memory)).toThrow(actual);
    expect(() => act(memory)).toThrow('prb');
  });

  it('names where it failed', () => {
    expect(() => memory.readVirtual(VADDR, 0x4000)).toThrow(
      expect.objectContaining({
        code: 'KERNEL_READ',
        facts: { vaddr: VADDR, failedAt: VADDR + 0x3000n, paddr: MISSING_PADDR },
      }),
    );
  });

  it('reads as much as there is', () => {
    const into = new Uint8Array(0x5000);
    expect(memory.readVirtualUpTo(VADDR, into)).toBe(0x3000);
    expect(memory.readVirtualUpTo(VADDR, into.subarray(0, 0))).toBe(0);
    expect(memory.readVirtualUpTo(2n ** 64n, into)).toBe(0);
  });

  it('walks once for a page, and again when it is told to forget', () => {
    let walks = 0;
    const { arch } = memory;
    const counting = new KernelMemory(
      {
        ...arch,
        translate(vaddr, read) {
          walks++;
          return arch.translate(vaddr, read);
        },
      },
      memory.readPhysical,
    );
    for (let at = 0n; at < 0x1000n; at += 8n) counting.u64(VADDR + at);
    expect(walks).toBe(1);
    expect([counting.u8(VADDR + 0x1400n), counting.u8(VADDR), walks]).toEqual([2, 1, 2]);
    counting.forgetTranslations();
    expect([counting.u8(VADDR + 0x400n), walks]).toEqual([1, 3]);
  });
});
