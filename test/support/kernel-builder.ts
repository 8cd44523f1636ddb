/**
 * Builds the memory of a small crashed x86-64 kernel: page tables, a printk ring buffer, a utsname, and the vmcoreinfo
 * that describes them. Addresses are fixed so that tests can damage what they mean to.
 */
import { buildVmcore, type NoteSpec, PhysicalMemory, roundUp } from './vmcore-builder.ts';

/** The kernel image: 2 MiB of virtual addresses from here, at IMAGE_PADDR. */
export const IMAGE_VADDR = 0xffffffff81000000n;
export const PHYS_BASE = 0x2000000;
export const IMAGE_PADDR = 0x3000000;
export const PGD_PADDR = IMAGE_PADDR;
const PRB_POINTER_AT = 0x1000;
export const PRB_AT = 0x1100;
const UTS_AT = 0x2000;
/** The direct map: everything else is reached through it, which takes a walk. */
export const DIRECT_MAP = 0xff11000000000000n;
const DIRECT_MAP_4_LEVEL = 0xffff888000000000n;
const TABLES_PADDR = 0x100000;
export const DESCS_PADDR = 0x400000;
export const INFOS_PADDR = 0x600000;
export const TEXT_PADDR = 0x800000;

export const DESC_BYTES = 24;
export const INFO_BYTES = 88;
const STATES = { reserved: 0n, committed: 1n, finalized: 2n, reusable: 3n };

export interface RecordSpec {
  text: string | Uint8Array;
  timestampNs?: bigint;
  state?: keyof typeof STATES;
  level?: number;
  facility?: number;
  callerId?: number;
  /** The text length in the info, if that is wrong. */
  textLen?: number;
  /** The block's place in the descriptor, if that is wrong: begin, next. */
  lpos?: readonly [bigint, bigint];
}

export interface KernelSpec {
  levels?: 4 | 5;
  records?: readonly RecordSpec[];
  countBits?: number;
  sizeBits?: number;
  firstId?: bigint;
  /** Where in the text ring the first block goes. */
  firstLpos?: bigint;
  /** Whether a block that ends exactly at the ring's end goes to its start, as it did in the first kernels. */
  wrapsWhenExact?: boolean;
  smeMask?: bigint;
  /** Overrides; undefined leaves the key out. */
  vmcoreinfo?: Readonly<Record<string, string | number | undefined>>;
}

const SPANS = { page: 12, huge2M: 21, huge1G: 30 };

export class KernelBuilder {
  readonly memory = new PhysicalMemory();
  readonly levels: 4 | 5;
  readonly directMap: bigint;
  readonly vmcoreinfo: Readonly<Record<string, string | number>>;
  readonly #smeMask: bigint;
  #nextTable = TABLES_PADDR;

  constructor(spec: KernelSpec = {}) {
    this.levels = spec.levels ?? 5;
    this.directMap = this.levels === 5 ? DIRECT_MAP : DIRECT_MAP_4_LEVEL;
    this.#smeMask = spec.smeMask ?? 0n;
    const keys = { ...vmcoreinfoOf(this.levels, this.#smeMask), ...spec.vmcoreinfo };
    this.vmcoreinfo = Object.fromEntries(
      Object.entries(keys).filter((entry): entry is [string, string | number] => entry[1] !== undefined),
    );
    this.memory.page(PGD_PADDR / 4096);
    for (let paddr = 0; paddr < 0x1000000; paddr += 2 ** 21)
      this.map(this.directMap + BigInt(paddr), paddr, 'huge2M');
    this.#writeUtsname();
    this.#writeRing(spec);
  }

  /** Adds the page table entries for one page of the given size; of data, if not of text. */
  map(vaddr: bigint, paddr: number, size: keyof typeof SPANS, of: 'data' | 'text' = 'data'): void {
    let table = PGD_PADDR;
    for (let shift = this.levels === 5 ? 48 : 39; shift > SPANS[size]; shift -= 9) {
      const at = entryPaddr(table, vaddr, shift);
      const entry = this.#readU64(at);
      if (entry === 0n) {
        this.memory.page(this.#nextTable / 4096);
        this.memory.u64(at, BigInt(this.#nextTable) | 0x63n | this.#smeMask);
        table = this.#nextTable;
        this.#nextTable += 4096;
      } else table = Number(entry & 0x000ffffffffff000n & ~this.#smeMask);
    }
    // Bit 12 of a huge entry is its PAT bit, not part of the address.
    const leaf = (size === 'page' ? 0x163n : 0x11e3n) | (of === 'data' ? 0x8000000000000000n : 0n);
    this.memory.u64(entryPaddr(table, vaddr, SPANS[size]), BigInt(paddr) | leaf | this.#smeMask);
  }

  /** The address of the entry that the walk for `vaddr` reads at a level. The walk must get there. */
  entryAt(vaddr: bigint, levelShift: 12 | 21 | 30 | 39 | 48): number {
    let table = PGD_PADDR;
    for (let shift = this.levels === 5 ? 48 : 39; shift > levelShift; shift -= 9) {
      table = Number(this.#readU64(entryPaddr(table, vaddr, shift)) & 0x000ffffffffff000n & ~this.#smeMask);
    }
    return entryPaddr(table, vaddr, levelShift);
  }

  /** @param notesFirst before those of the CPUs. */
  build(notesFirst: readonly NoteSpec[] = []): Uint8Array {
    return buildVmcore({ vmcoreinfo: this.vmcoreinfo, loads: this.memory.loads(), notesFirst });
  }

  #readU64(paddr: number): bigint {
    const page = this.memory.page(Math.floor(paddr / 4096));
    return new DataView(page.buffer, page.byteOffset).getBigUint64(paddr % 4096, true);
  }

  #writeUtsname(): void {
    const fields = ['Linux', 'crashed', '6.1.0-test', '#1 SMP', 'x86_64', '(none)'];
    for (const [i, field] of fields.entries()) {
      this.memory.write(IMAGE_PADDR + UTS_AT + 4 + i * 65, Buffer.from(`${field}\0`));
    }
  }

  #writeRing(spec: KernelSpec): void {
    const { memory } = this;
    const countBits = spec.countBits ?? 4;
    const sizeBits = spec.sizeBits ?? 10;
    const count = 2 ** countBits;
    const records = spec.records ?? [];
    const firstId = spec.firstId ?? 5n;
    let head = spec.firstLpos ?? 0n;
    const ends: bigint[] = [];
    records.forEach((record, i) => {
      const id = (firstId + BigInt(i)) & (2n ** 62n - 1n);
      const slot = Number(id % BigInt(count));
      const text = typeof record.text === 'string' ? Buffer.from(record.text, 'latin1') : record.text;
      const begin = head;
      const block = placeBlock(begin, 8 + text.length, sizeBits, spec.wrapsWhenExact ?? false);
      head = block.next;
      ends.push(begin);
      memory.u64(TEXT_PADDR + block.at, id);
      memory.write(TEXT_PADDR + block.at + 8, text);
      const [saidBegin, saidNext] = record.lpos ?? [begin, head];
      const desc = DESCS_PADDR + slot * DESC_BYTES;
      memory.u64(desc, id | (STATES[record.state ?? 'finalized'] << 62n));
      memory.u64(desc + 8, saidBegin);
      memory.u64(desc + 16, saidNext);
      const info = INFOS_PADDR + slot * INFO_BYTES;
      memory.u64(info, BigInt(i));
      memory.u64(info + 8, record.timestampNs ?? BigInt(i) * 1_000_000n);
      const level = ((record.level ?? 6) << 29) | ((record.facility ?? 0) << 16);
      memory.u32(info + 16, (level | (record.textLen ?? text.length)) >>> 0);
      memory.u32(info + 20, record.callerId ?? 1);
    });
    // As the kernel does, the oldest goes when either ring is full.
    const kept = ends.filter(
      (begin, i) => i + count >= records.length && begin + 2n ** BigInt(sizeBits) >= head,
    );
    const headId = records.length === 0 ? firstId : firstId + BigInt(records.length - 1);
    const prb = IMAGE_PADDR + PRB_AT;
    memory.u64(IMAGE_PADDR + PRB_POINTER_AT, IMAGE_VADDR + BigInt(PRB_AT));
    memory.u32(prb, countBits);
    memory.u64(prb + 8, this.directMap + BigInt(DESCS_PADDR));
    memory.u64(prb + 16, this.directMap + BigInt(INFOS_PADDR));
    memory.u64(prb + 24, headId & (2n ** 62n - 1n));
    memory.u64(
      prb + 32,
      (records.length === 0 ? firstId : headId - BigInt(kept.length - 1)) & (2n ** 62n - 1n),
    );
    memory.u32(prb + 48, sizeBits);
    memory.u64(prb + 56, this.directMap + BigInt(TEXT_PADDR));
    for (const [paddr, bytes] of [
      [DESCS_PADDR, count * DESC_BYTES],
      [INFOS_PADDR, count * INFO_BYTES],
      [TEXT_PADDR, 2 ** sizeBits],
    ] as const) {
      for (let at = paddr; at < paddr + bytes; at += 4096) memory.page(at / 4096);
    }
  }
}

/** A block that does not fit before the ring's end is placed at its start. The bytes before the end are unused. */
function placeBlock(begin: bigint, lengthBytes: number, sizeBits: number, wrapsWhenExact: boolean) {
  const size = 2n ** BigInt(sizeBits);
  const length = BigInt(roundUp(lengthBytes, 8));
  const toEnd = size - (begin % size);
  const wraps = wrapsWhenExact ? length >= toEnd : length > toEnd;
  return wraps ? { at: 0, next: begin + toEnd + length } : { at: Number(begin % size), next: begin + length };
}

function entryPaddr(table: number, vaddr: bigint, shift: number): number {
  return table + Number((vaddr >> BigInt(shift)) & 511n) * 8;
}

function vmcoreinfoOf(levels: 4 | 5, smeMask: bigint): Record<string, string | number> {
  const imageVaddr = (at: number) => (IMAGE_VADDR + BigInt(at)).toString(16);
  return {
    OSRELEASE: '6.1.0-test',
    'BUILD-ID': '0123456789abcdef',
    PAGESIZE: 4096,
    'SYMBOL(init_uts_ns)': imageVaddr(UTS_AT),
    'OFFSET(uts_namespace.name)': 4,
    'SYMBOL(swapper_pg_dir)': imageVaddr(0),
    'SYMBOL(prb)': imageVaddr(PRB_POINTER_AT),
    'SIZE(printk_ringbuffer)': 88,
    'OFFSET(printk_ringbuffer.desc_ring)': 0,
    'OFFSET(printk_ringbuffer.text_data_ring)': 48,
    'SIZE(prb_desc_ring)': 48,
    'OFFSET(prb_desc_ring.count_bits)': 0,
    'OFFSET(prb_desc_ring.descs)': 8,
    'OFFSET(prb_desc_ring.infos)': 16,
    'OFFSET(prb_desc_ring.head_id)': 24,
    'OFFSET(prb_desc_ring.tail_id)': 32,
    'SIZE(prb_desc)': DESC_BYTES,
    'OFFSET(prb_desc.state_var)': 0,
    'OFFSET(prb_desc.text_blk_lpos)': 8,
    'OFFSET(prb_data_blk_lpos.begin)': 0,
    'OFFSET(prb_data_blk_lpos.next)': 8,
    'SIZE(printk_info)': INFO_BYTES,
    'OFFSET(printk_info.seq)': 0,
    'OFFSET(printk_info.ts_nsec)': 8,
    'OFFSET(printk_info.text_len)': 16,
    'OFFSET(printk_info.caller_id)': 20,
    'OFFSET(prb_data_ring.size_bits)': 0,
    'OFFSET(prb_data_ring.data)': 8,
    'SIZE(atomic_long_t)': 8,
    'OFFSET(atomic_long_t.counter)': 0,
    'NUMBER(phys_base)': PHYS_BASE,
    'NUMBER(KERNEL_IMAGE_SIZE)': 2 ** 30,
    'NUMBER(pgtable_l5_enabled)': levels === 5 ? 1 : 0,
    'NUMBER(sme_mask)': smeMask.toString(),
  };
}
