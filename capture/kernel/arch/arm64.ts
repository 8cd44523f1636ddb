/**
 * arm64: every kernel virtual address, those of the image too, goes through the page tables of swapper_pg_dir, because the
 * kernel may lie anywhere in physical memory. Descriptors as in the Arm Architecture Reference Manual, "The AArch64 Virtual
 * Memory System Architecture"; the kernel's use of them as in Documentation/arch/arm64/memory.rst.
 */
import { KernelError } from '../../errors.ts';
import { EM_AARCH64, MACHINES } from '../../vmcore/machines.ts';
import type { ReadPhysical } from '../../vmcore/open.ts';
import { MAX_PADDR } from '../../vmcore/segments.ts';
import type { Arch, ArchFacts, Leaf } from './arch.ts';

const DESCRIPTOR_BYTES = 8;
/** A descriptor's bits 1:0, in its lower half. */
const VALID = 1;
/** Of a table, or of a page on the last level. Clear in a block. */
const TABLE_OR_PAGE = 2;
/** In the upper half: "privileged execute never" of a page or block (bit 53), and of all below a table (bit 59). */
const PXN_HIGH = 1 << 21;
const PXN_TABLE_HIGH = 1 << 27;

/** What depends on the page size. */
interface Granule {
  /** The spans of the blocks that the kernel uses, as shifts (pud_sect_supported() in arch/arm64/include/asm/pgtable.h). */
  readonly blockShifts: readonly number[];
  /** Where in a descriptor the highest bits of a 52-bit physical address are. */
  readonly wideAddress: WideAddress;
}

interface WideAddress {
  /** False: always. True: only with LPA2, the kernel's sign of which is 52 bits of virtual addresses. */
  readonly needsLpa2: boolean;
  /** The lowest bit of the field in the descriptor, its width, and the address bit that it begins at. */
  readonly from: number;
  readonly bits: number;
  readonly to: number;
}

/** PA[51:50] are bits 9:8, which are shareability attributes without LPA2. */
const LPA2: WideAddress = { needsLpa2: true, from: 8, bits: 2, to: 50 };
/** PA[51:48] are bits 15:12, which are zero without LPA. */
const LPA: WideAddress = { needsLpa2: false, from: 12, bits: 4, to: 48 };

/** By page size in bytes. */
const GRANULES: Readonly<Record<number, Granule | undefined>> = {
  4096: { blockShifts: [21, 30], wideAddress: LPA2 },
  16384: { blockShifts: [25], wideAddress: LPA2 },
  65536: { blockShifts: [29], wideAddress: LPA },
};

/** arch/arm64/include/asm/memory.h: MIN_THREAD_SHIFT; with VMAP_STACK a stack is a page at least. */
const LEAST_STACK_BYTES = 16 << 10;
/** VA_BITS_MIN: a kernel built for 52 bits is laid out for CPUs that have fewer. */
const MOST_LAYOUT_BITS = 48;
const MOST_LAYOUT_BITS_16K = 47;
/** Addresses of the kernel have the highest bit (TTBR1), those of processes do not. */
const KERNEL_HALF = 2n ** 63n;
const [LEAST_VA_BITS, MOST_VA_BITS] = [36, 52];

/** One step of the walk. */
interface Level {
  readonly shift: bigint;
  readonly indexMask: bigint;
  readonly spanBytes: number;
  readonly mayBeBlock: boolean;
}

/** @throws KernelError when vmcoreinfo does not say where the page tables are or how many bits addresses have. */
export function createArm64(vmcore: ArchFacts): Arch {
  const { pageSizeBytes } = vmcore;
  const granule = GRANULES[pageSizeBytes];
  if (!granule) throw missing('arm64-page-size', `a page has ${pageSizeBytes} bytes`, '4096, 16384 or 65536');
  const pageShift = Math.log2(pageSizeBytes);
  const { vaBits, builtBits } = findVaBits(vmcore);
  const levels = levelsOf(pageShift, vaBits, builtBits, granule.blockShifts);
  const rootPaddr = findRoot(vmcore);
  const { wideAddress } = granule;
  const isWide = !wideAddress.needsLpa2 || vaBits === MOST_VA_BITS;
  const lowBits = isWide ? wideAddress.to : MOST_LAYOUT_BITS;
  const addressMask = (2n ** BigInt(lowBits) - 1n) & ~BigInt(pageSizeBytes - 1);
  const wideMask = isWide ? 2n ** BigInt(wideAddress.bits) - 1n : 0n;
  const firstVaddr = 2n ** 64n - 2n ** BigInt(vaBits);
  const descriptor = new Uint8Array(DESCRIPTOR_BYTES);
  const view = new DataView(descriptor.buffer);

  function addressIn(word: bigint): number {
    const wide = ((word >> BigInt(wideAddress.from)) & wideMask) << BigInt(wideAddress.to);
    return Number((word & addressMask) | wide);
  }

  function walk(vaddr: bigint, readPhysical: ReadPhysical): Leaf | undefined {
    if (vaddr < firstVaddr) return undefined;
    let table = rootPaddr;
    let isExecutable = true;
    for (const [depth, level] of levels.entries()) {
      const index = Number((vaddr >> level.shift) & level.indexMask);
      if (readPhysical(table + index * DESCRIPTOR_BYTES, descriptor) < DESCRIPTOR_BYTES) return undefined;
      const low = view.getUint32(0, true);
      const high = view.getUint32(4, true);
      if ((low & VALID) === 0) return undefined;
      const isLast = depth === levels.length - 1;
      const isTableOrPage = (low & TABLE_OR_PAGE) !== 0;
      if (isLast ? !isTableOrPage : !isTableOrPage && !level.mayBeBlock) return undefined;
      const address = addressIn(view.getBigUint64(0, true));
      if (!isLast && isTableOrPage) {
        if ((high & PXN_TABLE_HIGH) !== 0) isExecutable = false;
        table = address;
        continue;
      }
      if ((high & PXN_HIGH) !== 0) isExecutable = false;
      const within = Number(vaddr & BigInt(level.spanBytes - 1));
      const base = address - (address % level.spanBytes);
      return { paddr: base + within, lengthBytes: level.spanBytes - within, isExecutable };
    }
    return undefined;
  }

  return {
    name: MACHINES[EM_AARCH64]!.name,
    pageShift,
    pageSizeBytes,
    largeLeafBytes: levels.at(-2)!.spanBytes,
    pointers: {
      lowestHigh: Number(firstVaddr >> 32n),
      imageHigh: Number((2n ** 64n - 2n ** BigInt(layoutBits(pageShift, builtBits) - 1)) >> 32n),
    },
    stackBytes: Math.max(LEAST_STACK_BYTES, pageSizeBytes),
    walk,
    translate: walk,
  };
}

/** The image is in the upper half of the addresses that every CPU of the kernel has, the direct map below it. */
function layoutBits(pageShift: number, builtBits: number): number {
  if (builtBits <= MOST_LAYOUT_BITS) return builtBits;
  return pageShift === 14 ? MOST_LAYOUT_BITS_16K : MOST_LAYOUT_BITS;
}

/**
 * A level's table is one page. The root's is as long as the kernel was built for, where the CPU has fewer bits but as many
 * levels: addresses then index its end (TTBR1_BADDR_4852_OFFSET in arch/arm64/include/asm/pgtable-hwdef.h).
 */
function levelsOf(
  pageShift: number,
  vaBits: number,
  builtBits: number,
  blockShifts: readonly number[],
): readonly Level[] {
  const bitsPerLevel = pageShift - 3;
  const countOf = (bits: number) => Math.ceil((bits - pageShift) / bitsPerLevel);
  const count = countOf(vaBits);
  const rootEnd = countOf(builtBits) === count ? builtBits : vaBits;
  return Array.from({ length: count }, (_, depth) => {
    const shift = pageShift + (count - 1 - depth) * bitsPerLevel;
    const indexBits = depth === 0 ? rootEnd - shift : bitsPerLevel;
    return {
      shift: BigInt(shift),
      indexMask: 2n ** BigInt(indexBits) - 1n,
      spanBytes: 2 ** shift,
      mayBeBlock: blockShifts.includes(shift),
    };
  });
}

/**
 * How many bits the CPU was set to translate (TCR_EL1.T1SZ, exported since Linux v5.9), and how many the kernel was built
 * for. A kernel built for 52 bits runs with fewer on most CPUs.
 */
function findVaBits({ vmcoreinfo }: ArchFacts): { vaBits: number; builtBits: number } {
  const t1sz = vmcoreinfo.number('TCR_EL1_T1SZ');
  const built = vmcoreinfo.number('VA_BITS');
  const vaBits = t1sz === undefined ? built : 64 - t1sz;
  if (vaBits === undefined || vaBits < LEAST_VA_BITS || vaBits > MOST_VA_BITS) {
    const actual = vaBits === undefined ? 'vmcoreinfo has neither' : `they stand for ${vaBits} bits`;
    throw missing('arm64-va-bits', actual, 'NUMBER(TCR_EL1_T1SZ) or NUMBER(VA_BITS) of 36 to 52 bits');
  }
  const builtBits = built !== undefined && built >= vaBits && built <= MOST_VA_BITS ? built : vaBits;
  return { vaBits, builtBits };
}

/** The image is mapped at an offset that vmcoreinfo has; the tables lie in the image. */
function findRoot({ vmcoreinfo }: ArchFacts): number {
  const root = vmcoreinfo.symbol('swapper_pg_dir');
  const offset = vmcoreinfo.bigNumber('kimage_voffset');
  if (root === undefined || offset === undefined) {
    throw missing(
      'arm64-page-directory',
      `vmcoreinfo has no ${root === undefined ? 'SYMBOL(swapper_pg_dir)' : 'NUMBER(kimage_voffset)'}`,
      'both SYMBOL(swapper_pg_dir) and NUMBER(kimage_voffset)',
    );
  }
  const paddr = BigInt.asUintN(64, root - offset);
  if (root >= KERNEL_HALF && paddr < MAX_PADDR) return Number(paddr);
  throw missing(
    'arm64-page-directory',
    `swapper_pg_dir is at 0x${root.toString(16)}, which is the physical address 0x${paddr.toString(16)}`,
    'an address of the kernel image',
  );
}

function missing(code: string, actual: string, wanted: string): KernelError {
  return new KernelError(code, { action: 'translate kernel addresses', actual, wanted });
}
