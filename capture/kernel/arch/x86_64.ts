/**
 * x86-64: kernel virtual addresses to physical ones. The kernel image is mapped at __START_KERNEL_map + phys_base
 * (Documentation/arch/x86/x86_64/mm.rst); everything else goes through the page tables of init_top_pgt, 4 or 5 levels,
 * with 1 GiB and 2 MiB leaves (Intel SDM vol. 3, chapter 4).
 */
import { KernelError } from '../../errors.ts';
import { PT_LOAD } from '../../vmcore/elf.ts';
import { EM_X86_64, MACHINES } from '../../vmcore/machines.ts';
import type { ReadPhysical } from '../../vmcore/open.ts';
import type { Arch, ArchFacts, LastTables, Leaf, PointerFacts } from './arch.ts';

const START_KERNEL_MAP = 0xffffffff80000000n;
/** Of the image's mapping: 512 MiB without KASLR, 1 GiB with it. Kernels with KASLR export it in vmcoreinfo. */
const DEFAULT_KERNEL_IMAGE_SIZE = 512 * 2 ** 20;
const MAX_KERNEL_IMAGE_SIZE = 2 ** 31;

const PAGE_PRESENT = 1;
const PAGE_PSE = 1 << 7;
/** Bit 63. At any level it applies to everything below. */
const PAGE_NX_HIGH = 0x8000_0000;
/** An entry's address is bits 12 to 51, in two halves because JS bit operators work on 32 bits. */
const ENTRY_LOW_MASK = 0xfffff000;
const ENTRY_HIGH_MASK = 0x000fffff;

/** One step of the walk: how much an entry maps, in bytes and in pages. */
interface Level {
  readonly spanBytes: number;
  readonly spanPages: number;
  readonly mayBeLeaf: boolean;
}

const PAGE_SHIFT = 12n;
const PAGE_BYTES = 2 ** 12;
const ENTRIES = 512;
const PTE = level(2 ** 12, true);
const PMD = level(2 ** 21, true);
const PUD = level(2 ** 30, true);
const P4D = level(2 ** 39, false);
const PGD = level(2 ** 48, false);

const LAST_LEVEL = [PTE];

function level(spanBytes: number, mayBeLeaf: boolean): Level {
  return { spanBytes, spanPages: spanBytes / PAGE_BYTES, mayBeLeaf };
}

/** The direct map begins at 0xff11000000000000 with 5 levels; the image is in the top 2 GiB. */
const POINTERS: PointerFacts = { lowestHigh: 0xff00_0000, imageHigh: 0xffff_ffff };
/** arch/x86/include/asm/page_64_types.h; KASAN doubles it, and then half of a stack is found. */
const THREAD_SIZE = 16 << 10;

/** @throws KernelError when vmcoreinfo names no page directory or phys_base cannot be found. */
export function createX86_64(vmcore: ArchFacts): Arch {
  const { vmcoreinfo } = vmcore;
  const imageBytes = imageSize(vmcoreinfo.number('KERNEL_IMAGE_SIZE'));
  const imageEnd = START_KERNEL_MAP + BigInt(imageBytes);
  const physBase = findPhysBase(vmcore);
  const levels =
    vmcoreinfo.numberOr('pgtable_l5_enabled', 0) !== 0 ? [PGD, P4D, PUD, PMD, PTE] : [P4D, PUD, PMD, PTE];
  const canonicalBits = levels[0] === PGD ? 57 : 48;
  const [maskLow, maskHigh] = entryMasks(vmcoreinfo.bigNumber('sme_mask') ?? 0n);
  const rootPaddr = findRoot(vmcore, physBase, imageEnd);
  const entry = new Uint8Array(8);
  const entryView = new DataView(entry.buffer);

  function walk(vaddr: bigint, readPhysical: ReadPhysical, tables?: LastTables): Leaf | undefined {
    // Numbers hold that of a page exactly, and the arithmetic of bigints takes longer than the rest of the walk.
    const page = Number(vaddr >> PAGE_SHIFT);
    const known = tables?.find(page);
    let table = known ?? rootPaddr;
    let isExecutable = true;
    // Of a known table, what the tables above it say is not known: only `translate` has any.
    for (const level of known === undefined ? levels : LAST_LEVEL) {
      const index = Math.floor(page / level.spanPages) % ENTRIES;
      if (readPhysical(table + index * 8, entry) < 8) return undefined;
      const low = entryView.getUint32(0, true);
      if ((low & PAGE_PRESENT) === 0) return undefined;
      const high = entryView.getUint32(4, true);
      if ((high & PAGE_NX_HIGH) !== 0) isExecutable = false;
      const next = ((high & maskHigh) >>> 0) * 2 ** 32 + ((low & maskLow) >>> 0);
      if (level === PTE || (level.mayBeLeaf && (low & PAGE_PSE) !== 0)) {
        const within = (page % level.spanPages) * PAGE_BYTES + Number(BigInt.asUintN(12, vaddr));
        // Bits below the span are flags (PAT) or must be zero.
        const base = next - (next % level.spanBytes);
        return { paddr: base + within, lengthBytes: level.spanBytes - within, isExecutable };
      }
      table = next;
      if (level === PMD) tables?.add(page, table);
    }
    return undefined;
  }

  return {
    name: MACHINES[EM_X86_64]!.name,
    pageShift: Math.log2(vmcore.pageSizeBytes),
    pageSizeBytes: vmcore.pageSizeBytes,
    largeLeafBytes: PMD.spanBytes,
    pointers: POINTERS,
    stackBytes: THREAD_SIZE,
    walk,
    translate(vaddr, readPhysical, tables) {
      if (vaddr >= START_KERNEL_MAP && vaddr < imageEnd) {
        const paddr = Number(vaddr - START_KERNEL_MAP) + physBase;
        return paddr < 0 ? undefined : { paddr, lengthBytes: Number(imageEnd - vaddr) };
      }
      if (BigInt.asUintN(64, BigInt.asIntN(canonicalBits, vaddr)) !== vaddr) return undefined;
      return walk(vaddr, readPhysical, tables);
    },
  };
}

function imageSize(exported: number | undefined): number {
  const isUsable = exported !== undefined && exported > 0 && exported <= MAX_KERNEL_IMAGE_SIZE;
  return isUsable ? exported : DEFAULT_KERNEL_IMAGE_SIZE;
}

/** SME sets one address bit in entries of encrypted pages, which is not part of the address. */
function entryMasks(smeMask: bigint): [number, number] {
  const low = Number(BigInt.asUintN(32, smeMask));
  const high = Number(BigInt.asUintN(32, smeMask >> 32n));
  return [ENTRY_LOW_MASK & ~low, ENTRY_HIGH_MASK & ~high];
}

/** From vmcoreinfo, or else from the PT_LOAD of the kernel image. May be negative. */
function findPhysBase({ elf, vmcoreinfo }: ArchFacts): number {
  const exported = vmcoreinfo.number('phys_base');
  if (exported !== undefined) return exported;
  for (const { p_type, p_vaddr, p_paddr } of elf.programHeaders) {
    if (p_type !== PT_LOAD || p_vaddr < START_KERNEL_MAP) continue;
    const base = Number(p_paddr - (p_vaddr - START_KERNEL_MAP));
    if (Number.isSafeInteger(base)) return base;
  }
  throw new KernelError('x86-phys-base', {
    action: 'translate kernel addresses',
    actual: 'vmcoreinfo has no NUMBER(phys_base), and no PT_LOAD maps the kernel image',
    wanted: 'one of the two',
  });
}

function findRoot({ vmcoreinfo }: ArchFacts, physBase: number, imageEnd: bigint): number {
  const names = ['init_top_pgt', 'swapper_pg_dir', 'init_level4_pgt'];
  for (const name of names) {
    const vaddr = vmcoreinfo.symbol(name);
    if (vaddr === undefined || vaddr < START_KERNEL_MAP || vaddr >= imageEnd) continue;
    const paddr = Number(vaddr - START_KERNEL_MAP) + physBase;
    if (paddr >= 0) return paddr;
  }
  throw new KernelError('x86-page-directory', {
    action: 'translate kernel addresses',
    actual: 'vmcoreinfo has no page directory within the kernel image',
    wanted: `SYMBOL(${names.join(') or SYMBOL(')})`,
  });
}
