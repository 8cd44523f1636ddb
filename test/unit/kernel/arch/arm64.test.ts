import { describe, expect, it } from 'vitest';
import { KernelError } from '../../../../capture/errors.ts';
import { chooseArch } from '../../../../capture/kernel/arch/choose.ts';
import { EM_AARCH64 } from '../../../../capture/vmcore/machines.ts';
import { openVmcore, type ReadPhysical, readPhysical } from '../../../../capture/vmcore/open.ts';
import { buildVmcore, MemorySource, PhysicalMemory } from '../../../support/vmcore-builder.ts';

/** The image's virtual address less its physical one, and where the root table is. */
const KIMAGE_VOFFSET = 0xffff80003fe00000n;
const ROOT_PADDR = 0x42000000;
const TABLES_PADDR = 0x50000000;
const PXN = 1n << 53n;
const PXN_TABLE = 1n << 59n;

interface Mode {
  readonly pageKiB: 4 | 16 | 64;
  /** What the CPU translates, and what the kernel was built for. */
  readonly vaBits: number;
  readonly builtBits?: number;
  /** The shifts of the levels, the root's first, and the root's index bits, as the Arm ARM's tables of each granule list them. */
  readonly shifts: readonly number[];
  readonly rootBits: number;
  /** Blocks that the kernel uses, as shifts. */
  readonly blocks: readonly number[];
}

/** Arm ARM, "Translation granules": one row for each that a kernel can be configured for. */
const MODES: readonly (readonly [string, Mode])[] = [
  ['4 KiB, 39 bits', { pageKiB: 4, vaBits: 39, shifts: [30, 21, 12], rootBits: 9, blocks: [21, 30] }],
  ['4 KiB, 48 bits', { pageKiB: 4, vaBits: 48, shifts: [39, 30, 21, 12], rootBits: 9, blocks: [21, 30] }],
  ['4 KiB, 52 bits', { pageKiB: 4, vaBits: 52, shifts: [48, 39, 30, 21, 12], rootBits: 4, blocks: [21, 30] }],
  [
    '4 KiB, built for 52 bits on a CPU with 48',
    { pageKiB: 4, vaBits: 48, builtBits: 52, shifts: [39, 30, 21, 12], rootBits: 9, blocks: [21, 30] },
  ],
  ['16 KiB, 47 bits', { pageKiB: 16, vaBits: 47, shifts: [36, 25, 14], rootBits: 11, blocks: [25] }],
  ['16 KiB, 48 bits', { pageKiB: 16, vaBits: 48, shifts: [47, 36, 25, 14], rootBits: 1, blocks: [25] }],
  ['16 KiB, 52 bits', { pageKiB: 16, vaBits: 52, shifts: [47, 36, 25, 14], rootBits: 5, blocks: [25] }],
  [
    '16 KiB, built for 52 bits on a CPU with 47',
    { pageKiB: 16, vaBits: 47, builtBits: 52, shifts: [36, 25, 14], rootBits: 11, blocks: [25] },
  ],
  ['64 KiB, 42 bits', { pageKiB: 64, vaBits: 42, shifts: [29, 16], rootBits: 13, blocks: [29] }],
  ['64 KiB, 48 bits', { pageKiB: 64, vaBits: 48, shifts: [42, 29, 16], rootBits: 6, blocks: [29] }],
  ['64 KiB, 52 bits', { pageKiB: 64, vaBits: 52, shifts: [42, 29, 16], rootBits: 10, blocks: [29] }],
  [
    '64 KiB, built for 52 bits on a CPU with 48',
    { pageKiB: 64, vaBits: 48, builtBits: 52, shifts: [42, 29, 16], rootBits: 10, blocks: [29] },
  ],
];

class Arm64Builder {
  readonly memory = new PhysicalMemory();
  readonly mode: Mode;
  readonly pageBytes: number;
  #nextTable = TABLES_PADDR;

  constructor(mode: Mode) {
    this.mode = mode;
    this.pageBytes = mode.pageKiB * 1024;
    this.#addTable(ROOT_PADDR);
  }

  /** Maps `vaddr` by an entry on the level of `shift`. @returns where that entry is. */
  map(
    vaddr: bigint,
    paddr: bigint,
    shift: number = this.mode.shifts.at(-1)!,
    { leaf = PXN, table = 0n } = {},
  ): number {
    const { shifts, rootBits } = this.mode;
    const bitsPerLevel = Math.log2(this.pageBytes) - 3;
    let at = ROOT_PADDR;
    for (const [depth, levelShift] of shifts.entries()) {
      const bits = depth === 0 ? rootBits : bitsPerLevel;
      const index = (vaddr >> BigInt(levelShift)) & (2n ** BigInt(bits) - 1n);
      const entry = at + Number(index) * 8;
      if (levelShift === shift) {
        const isPage = shift === shifts.at(-1);
        // Access flag and inner shareable: without LPA2 the latter is where LPA2 has address bits.
        const shareable = this.#hasLpa2 ? 0n : 0x300n;
        this.memory.u64(entry, this.#address(paddr) | 0x400n | shareable | leaf | (isPage ? 3n : 1n));
        return entry;
      }
      this.#addTable(this.#nextTable);
      this.memory.u64(entry, this.#address(BigInt(this.#nextTable)) | table | 3n);
      at = this.#nextTable;
      this.#nextTable += this.pageBytes;
    }
    throw new Error(`no level has the shift ${shift}`);
  }

  translate(vaddr: bigint, keys: Readonly<Record<string, string | number | undefined>> = {}) {
    const { arch, read } = this.open(keys);
    return arch.walk(vaddr, read);
  }

  open(keys: Readonly<Record<string, string | number | undefined>> = {}) {
    const { vaBits, builtBits = vaBits } = this.mode;
    const all = {
      OSRELEASE: '6.12.0-test',
      PAGESIZE: this.pageBytes,
      'SYMBOL(swapper_pg_dir)': (BigInt(ROOT_PADDR) + KIMAGE_VOFFSET).toString(16),
      'NUMBER(kimage_voffset)': `0x${KIMAGE_VOFFSET.toString(16)}`,
      'NUMBER(VA_BITS)': builtBits,
      'NUMBER(TCR_EL1_T1SZ)': `0x${(64 - vaBits).toString(16)}`,
      ...keys,
    };
    const vmcoreinfo = Object.fromEntries(
      Object.entries(all).filter((entry): entry is [string, string | number] => entry[1] !== undefined),
    );
    const file = buildVmcore({ machine: EM_AARCH64, vmcoreinfo, loads: this.memory.loads() });
    const vmcore = openVmcore(new MemorySource(file));
    const read: ReadPhysical = (paddr, into) => readPhysical(vmcore, paddr, into);
    return { arch: chooseArch(vmcore), read };
  }

  get #hasLpa2(): boolean {
    return this.mode.pageKiB < 64 && this.mode.vaBits === 52;
  }

  /** Arm ARM: PA[51:50] in bits 9:8 with LPA2, PA[51:48] in bits 15:12 with 64 KiB pages. */
  #address(paddr: bigint): bigint {
    if (this.#hasLpa2) return (paddr & (2n ** 50n - 1n)) | ((paddr >> 50n) << 8n);
    return (paddr & (2n ** 48n - 1n)) | ((paddr >> 48n) << 12n);
  }

  #addTable(paddr: number): void {
    for (let at = paddr; at < paddr + this.pageBytes; at += 4096) this.memory.page(at / 4096);
  }
}

/** Somewhere in the upper part of the addresses, aligned to the largest block. */
const VADDR = 0xffffffc000000000n - 2n ** 43n;
const vaddrOf = ({ vaBits }: Mode) => (vaBits < 45 ? 0xffffffc000000000n : VADDR & ~(2n ** 42n - 1n));

describe.each(MODES)('arm64 with %s', (_, mode) => {
  const vaddr = vaddrOf(mode);
  const pageShift = mode.shifts.at(-1)!;

  it.each([pageShift, ...mode.blocks])('walks to what an entry of 2^%i bytes maps', shift => {
    const builder = new Arm64Builder(mode);
    const span = 2 ** shift;
    builder.map(vaddr, BigInt(span) * 3n, shift);
    for (const within of [0, 1, span - 8, span - 1]) {
      expect(builder.translate(vaddr + BigInt(within))).toEqual({
        paddr: span * 3 + within,
        lengthBytes: span - within,
        isExecutable: false,
      });
    }
    expect(builder.translate(vaddr + BigInt(span))).toBeUndefined();
    expect(builder.translate(vaddr - 1n)).toBeUndefined();
  });

  it('refuses a block on a level that has none, and a page entry that says block', () => {
    for (const shift of mode.shifts.slice(0, -1).filter(level => !mode.blocks.includes(level))) {
      const builder = new Arm64Builder(mode);
      builder.map(vaddr, 0n, shift);
      expect(builder.translate(vaddr), `2^${shift}`).toBeUndefined();
    }
    const builder = new Arm64Builder(mode);
    builder.memory.u64(builder.map(vaddr, 0x5000_0000n), 0x50000701n);
    expect(builder.translate(vaddr)).toBeUndefined();
  });

  it('knows what the kernel may execute by the leaf and by the tables above it', () => {
    const executable = new Arm64Builder(mode);
    executable.map(vaddr, 0x60000000n, pageShift, { leaf: 0n });
    expect(executable.translate(vaddr)?.isExecutable).toBe(true);
    // Bit 53 is ignored in a table's descriptor.
    const ignored = new Arm64Builder(mode);
    ignored.map(vaddr, 0x60000000n, pageShift, { leaf: 0n, table: PXN });
    expect(ignored.translate(vaddr)?.isExecutable).toBe(true);
    const below = new Arm64Builder(mode);
    below.map(vaddr, 0x60000000n, pageShift, { leaf: 0n, table: PXN_TABLE });
    expect(below.translate(vaddr)?.isExecutable).toBe(false);
  });

  it('has no translation for user addresses and where a table is missing', () => {
    const builder = new Arm64Builder(mode);
    builder.map(vaddr, 0x60000000n);
    expect(builder.translate(0x400000n)).toBeUndefined();
    expect(builder.translate(2n ** 64n - 2n ** BigInt(mode.vaBits) - 1n)).toBeUndefined();
    expect(builder.translate(2n ** 64n - 8n)).toBeUndefined();
  });
});

describe('arm64', () => {
  it.each([
    ['4 KiB, 52 bits', 2n ** 51n + 0x5000n],
    ['16 KiB, 52 bits', 2n ** 51n + 0x8000n],
    ['64 KiB, 52 bits', 2n ** 51n + 0x50000n],
    ['64 KiB, 48 bits', 2n ** 48n + 0x50000n],
  ])('reads the highest bits of a physical address: %s', (name, paddr) => {
    const mode = new Map(MODES).get(name)!;
    const builder = new Arm64Builder(mode);
    builder.map(vaddrOf(mode), paddr);
    expect(builder.translate(vaddrOf(mode))?.paddr).toBe(Number(paddr));
  });

  it('takes the number of bits that the kernel was built for when the CPU’s is not exported', () => {
    const mode = new Map(MODES).get('4 KiB, 39 bits')!;
    const builder = new Arm64Builder(mode);
    builder.map(vaddrOf(mode), 0x5000n);
    expect(builder.translate(vaddrOf(mode), { 'NUMBER(TCR_EL1_T1SZ)': undefined })?.paddr).toBe(0x5000);
  });

  it.each([
    ['kimage_voffset is missing', { 'NUMBER(kimage_voffset)': undefined }],
    ['swapper_pg_dir is missing', { 'SYMBOL(swapper_pg_dir)': undefined }],
    ['swapper_pg_dir is no address of the image', { 'SYMBOL(swapper_pg_dir)': '1000' }],
    ['the number of bits is missing', { 'NUMBER(TCR_EL1_T1SZ)': undefined, 'NUMBER(VA_BITS)': undefined }],
    ['the number of bits is impossible', { 'NUMBER(TCR_EL1_T1SZ)': '0x3f' }],
  ])('says what is wrong when %s', (_, keys) => {
    const builder = new Arm64Builder(new Map(MODES).get('4 KiB, 48 bits')!);
    expect(() => builder.open(keys)).toThrow(KernelError);
  });

  it.each([
    ['4 KiB, 48 bits', 2 ** 21, 16 << 10, 0xffff_0000, 0xffff_8000],
    ['4 KiB, 39 bits', 2 ** 21, 16 << 10, 0xffff_ff80, 0xffff_ffc0],
    ['4 KiB, 52 bits', 2 ** 21, 16 << 10, 0xfff0_0000, 0xffff_8000],
    ['16 KiB, built for 52 bits on a CPU with 47', 2 ** 25, 16 << 10, 0xffff_8000, 0xffff_c000],
    ['64 KiB, 52 bits', 2 ** 29, 64 << 10, 0xfff0_0000, 0xffff_8000],
  ])('has its sizes and kinds of addresses: %s', (name, leaf, stack, lowestHigh, imageHigh) => {
    const { arch } = new Arm64Builder(new Map(MODES).get(name)!).open();
    expect(arch).toMatchObject({ name: 'aarch64', largeLeafBytes: leaf, stackBytes: stack });
    expect(arch.pointers).toEqual({ lowestHigh, imageHigh });
  });
});
