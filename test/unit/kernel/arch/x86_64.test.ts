import { describe, expect, it } from 'vitest';
import { KernelError } from '../../../../capture/errors.ts';
import { chooseArch } from '../../../../capture/kernel/arch/choose.ts';
import { openVmcore, type ReadPhysical, readPhysical } from '../../../../capture/vmcore/open.ts';
import {
  IMAGE_PADDR,
  IMAGE_VADDR,
  KernelBuilder,
  type KernelSpec,
  PHYS_BASE,
} from '../../../support/kernel-builder.ts';
import { buildVmcore, MemorySource } from '../../../support/vmcore-builder.ts';

const VMALLOC = 0xffa0000012345000n;
const VMALLOC_4_LEVEL = 0xffffc90012345000n;

function opened(builder: KernelBuilder, spec: Parameters<typeof buildVmcore>[0] | undefined = undefined) {
  const file = spec ? buildVmcore(spec) : builder.build();
  const vmcore = openVmcore(new MemorySource(file));
  const read: ReadPhysical = (paddr, into) => readPhysical(vmcore, paddr, into);
  return { vmcore, read };
}

function translator(builder: KernelBuilder) {
  const { vmcore, read } = opened(builder);
  const arch = chooseArch(vmcore);
  return (vaddr: bigint) => arch.translate(vaddr, read);
}

const vmallocOf = (builder: KernelBuilder) => (builder.levels === 5 ? VMALLOC : VMALLOC_4_LEVEL);

describe.each([
  ['5 levels', { levels: 5 }],
  ['4 levels', { levels: 4 }],
  ['5 levels with SME', { levels: 5, smeMask: 1n << 51n }],
  ['4 levels with SME', { levels: 4, smeMask: 1n << 47n }],
] as [string, KernelSpec][])('x86-64 with %s', (_, spec) => {
  it('translates the kernel image by phys_base', () => {
    const translate = translator(new KernelBuilder(spec));
    expect(translate(IMAGE_VADDR)?.paddr).toBe(IMAGE_PADDR);
    expect(translate(IMAGE_VADDR + 0x1234n)?.paddr).toBe(IMAGE_PADDR + 0x1234);
    expect(translate(0xffffffff80000000n)).toEqual({ paddr: PHYS_BASE, lengthBytes: 2 ** 30 });
    expect(translate(0xffffffffbfffffffn)).toEqual({ paddr: PHYS_BASE + 2 ** 30 - 1, lengthBytes: 1 });
    expect(translate(0xffffffffc0000000n)).toBeUndefined();
    expect(translate(0xffffffff7fffffffn)).toBeUndefined();
  });

  it.each([
    ['page', 0x5000, 2 ** 12],
    ['huge2M', 0x600000, 2 ** 21],
    ['huge1G', 0x8c0000000, 2 ** 30],
  ] as ['page' | 'huge2M' | 'huge1G', number, number][])('walks to a %s', (size, paddr, span) => {
    const builder = new KernelBuilder(spec);
    const vaddr = vmallocOf(builder) - (vmallocOf(builder) % BigInt(span));
    builder.map(vaddr, paddr, size);
    const translate = translator(builder);
    for (const within of [0, 1, span - 8, span - 1]) {
      expect(translate(vaddr + BigInt(within))).toEqual({
        paddr: paddr + within,
        lengthBytes: span - within,
        isExecutable: false,
      });
    }
    expect(translate(vaddr + BigInt(span))).toBeUndefined();
    expect(translate(vaddr - 1n)).toBeUndefined();
  });

  it.each([12, 21, 30, 39] as const)('gives undefined where the entry at bit %i is damaged', shift => {
    const builder = new KernelBuilder(spec);
    const vaddr = vmallocOf(builder);
    builder.map(vaddr, 0x5000, 'page');
    const entry = builder.entryAt(vaddr, shift);
    for (const damaged of [0n, 0x62n, 0xffffffffffffff7en, 2n ** 63n]) {
      builder.memory.u64(entry, damaged);
      expect(translator(builder)(vaddr), `entry ${damaged.toString(16)}`).toBeUndefined();
    }
    // Present, and pointing where there is no memory: a page there can be named, a table there cannot be read.
    builder.memory.u64(entry, 0x000ffffffffff063n);
    if (shift > 12) expect(translator(builder)(vaddr)).toBeUndefined();
    else expect(translator(builder)(vaddr)?.paddr).toBeGreaterThan(2 ** 46);
  });

  it('ends on tables that point at themselves', () => {
    const builder = new KernelBuilder(spec);
    builder.memory.page(IMAGE_PADDR / 4096).fill(0);
    for (let i = 0; i < 512; i++) builder.memory.u64(IMAGE_PADDR + i * 8, BigInt(IMAGE_PADDR) | 0x63n);
    expect(translator(builder)(vmallocOf(builder) + 0x123n)).toEqual({
      paddr: IMAGE_PADDR + 0x123,
      lengthBytes: 4096 - 0x123,
      isExecutable: true,
    });
  });

  it('ends on a PSE bit in a level that has no leaves', () => {
    const builder = new KernelBuilder(spec);
    const vaddr = vmallocOf(builder);
    builder.map(vaddr, 0x5000, 'page');
    const entry = builder.entryAt(vaddr, 39);
    builder.memory.u64(entry, 0x000ffffff0000000n | 0xe3n);
    expect(translator(builder)(vaddr)).toBeUndefined();
  });

  it.each([
    0n,
    0x1000n,
    0x7fffffffffffn,
    2n ** 63n,
    0x8000000000000000n,
    0xfeffffffffffffffn,
    -1n,
    2n ** 64n,
  ])('maps nothing at %s', vaddr => {
    expect(translator(new KernelBuilder(spec))(vaddr)).toBeUndefined();
  });
});

describe('chooseArch', () => {
  const without = (...keys: string[]) =>
    new KernelBuilder({ vmcoreinfo: Object.fromEntries(keys.map(key => [key, undefined])) });

  it('assumes 4 levels and a 512 MiB image when vmcoreinfo has neither', () => {
    const builder = new KernelBuilder({
      levels: 4,
      vmcoreinfo: { 'NUMBER(pgtable_l5_enabled)': undefined, 'NUMBER(KERNEL_IMAGE_SIZE)': undefined },
    });
    const translate = translator(builder);
    expect(translate(builder.directMap + 0x1000n)?.paddr).toBe(0x1000);
    expect(translate(0xffffffffa0000000n)).toBeUndefined();
  });

  it.each(['0', '-1', '4294967296', 'x'])('ignores KERNEL_IMAGE_SIZE=%s', value => {
    const translate = translator(new KernelBuilder({ vmcoreinfo: { 'NUMBER(KERNEL_IMAGE_SIZE)': value } }));
    expect(translate(0xffffffff80000000n)?.lengthBytes).toBe(2 ** 29);
  });

  it('finds phys_base by the PT_LOAD of the kernel image', () => {
    const builder = without('NUMBER(phys_base)');
    const loads = builder.memory.loads();
    const image = loads.find(load => load.paddr === IMAGE_PADDR)!;
    image.vaddr = IMAGE_VADDR;
    const { vmcore, read } = opened(builder, { vmcoreinfo: builder.vmcoreinfo, loads });
    expect(chooseArch(vmcore).translate(IMAGE_VADDR, read)?.paddr).toBe(IMAGE_PADDR);
  });

  it('takes a negative phys_base, and nothing below 0 for an address', () => {
    const builder = new KernelBuilder({
      vmcoreinfo: { 'NUMBER(phys_base)': -0x1000000, 'SYMBOL(swapper_pg_dir)': 'ffffffff85000000' },
    });
    const translate = translator(builder);
    expect(translate(0xffffffff81000000n)?.paddr).toBe(0);
    expect(translate(0xffffffff80ffffffn)).toBeUndefined();
  });

  it.each([
    ['x86-phys-base', without('NUMBER(phys_base)')],
    ['x86-page-directory', without('SYMBOL(swapper_pg_dir)')],
    [
      'x86-page-directory',
      new KernelBuilder({ vmcoreinfo: { 'SYMBOL(swapper_pg_dir)': 'ff11000000000000' } }),
    ],
    ['x86-page-directory', new KernelBuilder({ vmcoreinfo: { 'SYMBOL(swapper_pg_dir)': '0' } })],
  ])('refuses with %s', (code, builder) => {
    const { vmcore } = opened(builder);
    expect(() => chooseArch(vmcore)).toThrow(expect.objectContaining({ name: 'KernelError', code }));
  });

  it('names the machines that it knows', () => {
    const { vmcore } = opened(new KernelBuilder());
    const { elf } = vmcore;
    const other = { ...vmcore, elf: { ...elf, header: { ...elf.header, e_machine: 243 } } };
    expect(() => chooseArch(other)).toThrow(KernelError);
    expect(() => chooseArch(other)).toThrow(
      'Cannot translate kernel addresses: e_machine is 243; expected 62 (x86_64) or 183 (aarch64)',
    );
  });
});
