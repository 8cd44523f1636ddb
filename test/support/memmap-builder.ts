/**
 * Struct pages as kernels write them: one generation for each change of their layout, with its vmcoreinfo.
 * Numbers are those of Debian's x86-64 kernels where there is one. Shares no code with the filter.
 */

export const STRUCT_BYTES = 64;
const FLAGS = 0;
const COMPOUND = 8;
const MAPPING = 24;
const PRIVATE = 40;
const TYPE = 48;
const NO_TYPE = 0xffffffff;

export type Type = 'buddy' | 'slab' | 'hugetlb' | 'offline' | 'unaccepted' | 'table';
export type Flag = 'lru' | 'private' | 'swapcache' | 'swapbacked' | 'slab' | 'hwpoison' | 'head';

export interface Generation {
  readonly name: string;
  readonly vmcoreinfo: Readonly<Record<string, string | number>>;
  readonly flags: Readonly<Partial<Record<Flag, number>>>;
  /** page_type of a typed page, with what its owner may leave in the word. */
  readonly types: Readonly<Partial<Record<Type, number>>>;
  /** Where the order of a compound page is, in bytes from its first tail. */
  readonly orderAt: number;
  /** What marks hugetlb in the first tail: [byte, value]. */
  readonly hugetlbInTail?: readonly [number, number];
}

const OLD_FLAGS = { lru: 4, private: 13, swapcache: 10, swapbacked: 19, slab: 9, hwpoison: 22, head: 16 };
const FLAGS_6_6 = { lru: 5, private: 14, swapcache: 10, swapbacked: 18, slab: 11, hwpoison: 21, head: 6 };
const { slab: _, ...FLAGS_6_10 } = FLAGS_6_6;

const BASE: Record<string, string | number> = {
  'SIZE(page)': STRUCT_BYTES,
  'OFFSET(page.flags)': FLAGS,
  'OFFSET(page._refcount)': 52,
  'OFFSET(page.mapping)': MAPPING,
  'OFFSET(page.lru)': 8,
  'OFFSET(page._mapcount)': TYPE,
  'OFFSET(page.private)': PRIVATE,
  'OFFSET(page.compound_head)': COMPOUND,
  'LENGTH(zone.free_area)': 11,
};
const { 'OFFSET(page.compound_head)': _head, ...BASE_7_1 } = BASE;

function flagKeys(flags: Readonly<Partial<Record<Flag, number>>>): Record<string, number> {
  const keys: Record<string, number> = {};
  for (const [name, bit] of Object.entries(flags)) {
    if (name === 'head') keys['NUMBER(PG_head_mask)'] = 2 ** bit;
    else keys[`NUMBER(PG_${name})`] = bit;
  }
  return keys;
}

function typeKeys(values: Readonly<Partial<Record<Type, number>>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `NUMBER(PAGE_${name.toUpperCase()}_MAPCOUNT_VALUE)`,
      value | 0,
    ]),
  );
}

const OLD_TYPES = { buddy: ~0x80, offline: ~0x100 };
const TYPES_6_9 = { ...OLD_TYPES, hugetlb: ~0x800 };
const TYPES_6_10 = { ...TYPES_6_9, slab: ~0x1000 };
const TYPES_6_11 = { buddy: ~0x40000000, offline: ~0x20000000, hugetlb: ~0x04000000, slab: ~0x02000000 };
const TYPES_6_12 = { buddy: 0xf0 << 24, offline: 0xf1 << 24, hugetlb: 0xf4 << 24, slab: 0xf5 << 24 };
const TYPES_7_1 = { ...TYPES_6_12, unaccepted: 0xf7 << 24 };

export const GENERATIONS: readonly Generation[] = [
  {
    name: '5.10 to 6.2',
    vmcoreinfo: {
      ...BASE,
      ...flagKeys(OLD_FLAGS),
      ...typeKeys(OLD_TYPES),
      'OFFSET(page.compound_dtor)': 16,
      'OFFSET(page.compound_order)': 17,
      'NUMBER(HUGETLB_PAGE_DTOR)': 2,
    },
    flags: OLD_FLAGS,
    types: { ...OLD_TYPES, table: ~0x200 },
    orderAt: 17,
    hugetlbInTail: [16, 2],
  },
  {
    name: '6.3 to 6.5',
    vmcoreinfo: {
      ...BASE,
      ...flagKeys(OLD_FLAGS),
      ...typeKeys(OLD_TYPES),
      'OFFSET(folio._folio_dtor)': STRUCT_BYTES + 16,
      'OFFSET(folio._folio_order)': STRUCT_BYTES + 17,
      'NUMBER(HUGETLB_PAGE_DTOR)': 2,
    },
    flags: OLD_FLAGS,
    types: { ...OLD_TYPES, table: ~0x200 },
    orderAt: 17,
    hugetlbInTail: [16, 2],
  },
  {
    name: '6.6 to 6.8',
    vmcoreinfo: {
      ...BASE,
      ...flagKeys(FLAGS_6_6),
      ...typeKeys(OLD_TYPES),
      'NUMBER(PG_hugetlb)': 8,
    },
    flags: FLAGS_6_6,
    types: { ...OLD_TYPES, table: ~0x200 },
    orderAt: FLAGS,
    hugetlbInTail: [FLAGS + 1, 1],
  },
  {
    name: '6.9',
    vmcoreinfo: { ...BASE, ...flagKeys(FLAGS_6_6), ...typeKeys(TYPES_6_9) },
    flags: FLAGS_6_6,
    types: { ...TYPES_6_9, table: ~0x200 },
    orderAt: FLAGS,
  },
  {
    name: '6.10',
    vmcoreinfo: { ...BASE, ...flagKeys(FLAGS_6_10), ...typeKeys(TYPES_6_10) },
    flags: FLAGS_6_10,
    types: { ...TYPES_6_10, table: ~0x200 },
    orderAt: FLAGS,
  },
  {
    name: '6.11',
    vmcoreinfo: { ...BASE, ...flagKeys(FLAGS_6_10), ...typeKeys(TYPES_6_11) },
    flags: FLAGS_6_10,
    types: {
      ...TYPES_6_11,
      slab: (TYPES_6_11.slab & ~0xffff) | 0x1234,
      table: ~0x10000000,
    },
    orderAt: FLAGS,
  },
  {
    name: '6.12 to 7.0',
    vmcoreinfo: { ...BASE, ...flagKeys(FLAGS_6_10), ...typeKeys(TYPES_6_12) },
    flags: FLAGS_6_10,
    types: { ...TYPES_6_12, slab: TYPES_6_12.slab | 0x123456, table: 0xf2 << 24 },
    orderAt: FLAGS,
  },
  {
    name: '7.1',
    vmcoreinfo: {
      ...BASE_7_1,
      'OFFSET(page.compound_info)': COMPOUND,
      ...flagKeys(FLAGS_6_10),
      ...typeKeys(TYPES_7_1),
    },
    flags: FLAGS_6_10,
    types: { ...TYPES_7_1, slab: TYPES_7_1.slab | 0x123456, table: 0xf2 << 24 },
    orderAt: FLAGS,
  },
];

export interface PageSpec {
  flags?: readonly Flag[];
  type?: Type;
  /** The word itself, if it is not one of the types. */
  typeWord?: number;
  mapping?: bigint;
  private?: bigint;
  tail?: boolean;
}

/** Addresses like those of a kernel: of an inode's mapping, and of an anon_vma with its mark. */
export const FILE_MAPPING = 0xff11000004567890n;
export const ANON_MAPPING = 0xff11000004567891n;

export class StructPages {
  readonly bytes: Uint8Array;
  readonly generation: Generation;
  readonly #view: DataView;

  constructor(generation: Generation, count: number) {
    this.generation = generation;
    this.bytes = new Uint8Array(count * STRUCT_BYTES);
    this.#view = new DataView(this.bytes.buffer);
    for (let i = 0; i < count; i++) this.#view.setUint32(i * STRUCT_BYTES + TYPE, NO_TYPE, true);
  }

  get words(): Int32Array {
    return new Int32Array(this.bytes.buffer);
  }

  set(index: number, page: PageSpec): this {
    const at = index * STRUCT_BYTES;
    const { flags, types } = this.generation;
    // Node and zone of the page are in the high bits.
    let word = 0x0100000000000000n;
    for (const flag of page.flags ?? []) word |= 1n << BigInt(flags[flag]!);
    this.#view.setBigUint64(at + FLAGS, word, true);
    const type = page.typeWord ?? (page.type === undefined ? NO_TYPE : types[page.type]!);
    this.#view.setUint32(at + TYPE, type >>> 0, true);
    this.#view.setBigUint64(at + MAPPING, page.mapping ?? 0n, true);
    this.#view.setBigUint64(at + PRIVATE, page.private ?? 0n, true);
    this.#view.setBigUint64(at + COMPOUND, page.tail ? 0xffea000000000001n : 0xffea000000000000n, true);
    return this;
  }

  /** A head with its tails. */
  compound(index: number, order: number, head: PageSpec, hugetlb = false): this {
    this.set(index, { ...head, flags: [...(head.flags ?? []), 'head'] });
    for (let i = index + 1; i < Math.min(index + 2 ** order, this.bytes.length / STRUCT_BYTES); i++) {
      this.set(i, { tail: true });
    }
    return this.order(index, order, hugetlb);
  }

  /** Sets the order in the first tail. */
  order(index: number, order: number, hugetlb = false): this {
    const tail = (index + 1) * STRUCT_BYTES;
    const { orderAt, hugetlbInTail } = this.generation;
    this.bytes[tail + orderAt] = order;
    if (hugetlb && hugetlbInTail) this.bytes[tail + hugetlbInTail[0]] = hugetlbInTail[1];
    return this;
  }

  hugetlb(index: number, order: number, head: PageSpec = {}): this {
    const type = this.generation.types.hugetlb === undefined ? {} : { type: 'hugetlb' as const };
    return this.compound(index, order, { ...type, ...head }, true);
  }

  slab(index: number, order: number): this {
    // Everything but the type belongs to the allocator: odd pointers, any numbers.
    const junk = { mapping: 0x1n, private: 3n };
    const page: PageSpec =
      this.generation.types.slab === undefined
        ? { flags: ['slab'], typeWord: 0xffffff7f, ...junk }
        : { type: 'slab', ...junk };
    return order === 0 ? this.set(index, page) : this.compound(index, order, page);
  }

  /** The other pages of a free block stay as they are. */
  free(index: number, order: number): this {
    return this.set(index, { type: 'buddy', private: BigInt(order) });
  }
}
