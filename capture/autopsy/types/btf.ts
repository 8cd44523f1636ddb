/**
 * BTF as it is stored: a header, types one after another, strings (Documentation/bpf/btf.rst, include/uapi/linux/btf.h). A
 * module's BTF continues the numbers and the strings of vmlinux. Every type that this gives is within its section; the
 * numbers of types and the offsets of strings in it are not checked before they are used.
 */
import { AutopsyError, counted } from '../../errors.ts';
import { NameIndex, SPREAD } from '../name-index.ts';
import type { Table } from '../table.ts';

export const KIND = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** What follows the 12 bytes of a type, by kind: bytes, and bytes for each of its `vlen` parts. */
const BODIES: Readonly<Record<number, readonly [number, number]>> = {
  [KIND.int]: [4, 0],
  [KIND.pointer]: [0, 0],
  [KIND.array]: [12, 0],
  [KIND.struct]: [0, 12],
  [KIND.union]: [0, 12],
  [KIND.enum]: [0, 8],
  [KIND.forward]: [0, 0],
  [KIND.typedef]: [0, 0],
  [KIND.volatile]: [0, 0],
  [KIND.const]: [0, 0],
  [KIND.restrict]: [0, 0],
  [KIND.function]: [0, 0],
  [KIND.prototype]: [0, 8],
  [KIND.variable]: [4, 0],
  [KIND.section]: [0, 12],
  [KIND.float]: [0, 0],
  [KIND.declTag]: [4, 0],
  [KIND.typeTag]: [0, 0],
  [KIND.enum64]: [0, 12],
};

const MAGIC = 0xeb9f;
const VERSION = 1;
export const HEADER_BYTES = 24;
const TYPE_BYTES = 12;
const INFO_AT = 4;
const SIZE_AT = 8;
/** A kernel's BTF has 5 to 10 MB. */
export const MOST_BTF_BYTES = 64 << 20;
/** No name in C is longer. */
const LONGEST_NAME = 512;
/** Of so many types the place of the first is kept. */
const TYPES_PER_START = 1 << 4;
const START_SHIFT = Math.log2(TYPES_PER_START);

export interface BtfHeader {
  readonly hdr_len: number;
  readonly type_off: number;
  readonly type_len: number;
  readonly str_off: number;
  readonly str_len: number;
}

export interface BtfType {
  readonly id: number;
  readonly kind: number;
  readonly nameOffset: number;
  /** How many members, enumerators or parameters it has. */
  readonly vlen: number;
  readonly kind_flag: boolean;
  /** The size of the type, or the number of the type that it refers to. */
  readonly sizeOrType: number;
  /** Of what follows, within `table`. */
  readonly body: number;
  readonly table: Table;
}

/** @throws AutopsyError BTF_HEADER */
export function decodeBtfHeader(bytes: Uint8Array): BtfHeader {
  const refuse = (actual: string, wanted: string) =>
    new AutopsyError('BTF_HEADER', { action: 'read the types of the kernel (BTF)', actual, wanted });
  if (bytes.length < HEADER_BYTES)
    throw refuse(`it has ${bytes.length} bytes`, `a header of ${HEADER_BYTES} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint16(0, true);
  if (magic !== MAGIC) throw refuse(`it begins with 0x${magic.toString(16)}`, `0x${MAGIC.toString(16)}`);
  if (view.getUint8(2) !== VERSION) throw refuse(`its version is ${view.getUint8(2)}`, `${VERSION}`);
  const [hdr_len, type_off, type_len, str_off, str_len] = [4, 8, 12, 16, 20].map(at =>
    view.getUint32(at, true),
  ) as [number, number, number, number, number];
  if (hdr_len < HEADER_BYTES) throw refuse(`its header has ${hdr_len} bytes`, `${HEADER_BYTES} or more`);
  return { hdr_len, type_off, type_len, str_off, str_len };
}

export class Btf {
  readonly base: Btf | undefined;
  /** Numbers of types are below it. */
  readonly end: number;
  /** Not undefined when types or strings are cut. */
  readonly warning: string | undefined;
  readonly names: BtfNames;
  readonly #first: number;
  readonly #table: Table;
  /** Where each TYPES_PER_START-th type begins, from `#first` on. */
  readonly #starts: Uint32Array;
  readonly #strings: Section;
  readonly #firstString: number;

  /**
   * @param base of vmlinux, for a module.
   * @throws AutopsyError BTF_HEADER
   */
  constructor(table: Table, base?: Btf) {
    const header = new Uint8Array(HEADER_BYTES);
    const { hdr_len, type_off, type_len, str_off, str_len } = decodeBtfHeader(
      header.subarray(0, table.copy(header, 0)),
    );
    const section = (offset: number, length: number): Section => ({
      start: Math.min(hdr_len + offset, table.length),
      end: Math.min(hdr_len + offset + length, table.length),
    });
    this.base = base;
    this.#table = table;
    this.#first = base?.end ?? 1;
    this.#firstString = base ? base.stringsEnd : 0;
    const types = goThrough(table, section(type_off, type_len));
    this.#starts = types.starts;
    this.end = this.#first + types.count;
    // The dump may have ended within the types.
    const strings = section(str_off, str_len);
    const bytes = new Uint8Array(strings.end - strings.start);
    const held = table.copy(bytes, strings.start);
    this.#strings = { start: strings.start, end: strings.start + held };
    this.names = indexed(table, types, { bytes: bytes.subarray(0, held), first: this.#firstString, base });
    // Otherwise they stay until the next collection of garbage.
    bytes.buffer.transfer(0);
    const isCut = types.usedBytes < type_len || held < str_len;
    this.warning = isCut ? `BTF is cut or damaged after ${counted(types.count, 'type')}` : undefined;
  }

  /** Numbers of this one's own types begin here. */
  get first(): number {
    return this.#first;
  }

  /** Undefined for 0, which is void, and for a number that no type has. */
  type(id: number): BtfType | undefined {
    if (id < this.#first) return this.base?.type(id);
    if (id >= this.end) return undefined;
    const table = this.#table;
    const index = id - this.#first;
    let at = this.#starts[index >>> START_SHIFT]!;
    for (let before = index & (TYPES_PER_START - 1); before > 0; before--)
      at += typeBytes(table.u32(at + INFO_AT));
    return typeAt(table, id, at);
  }

  /** Empty for an offset outside of the strings. */
  string(offset: number): string {
    if (offset < this.#firstString) return this.base?.string(offset) ?? '';
    let text = '';
    for (let at = offset; text.length < LONGEST_NAME; at++) {
      const byte = this.stringByte(at);
      if (byte === 0) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** The first of the string, 0 where it ends; 0 for an offset outside of the strings. */
  stringByte(offset: number): number {
    if (offset < this.#firstString) return this.base?.stringByte(offset) ?? 0;
    const at = this.#strings.start + offset - this.#firstString;
    return at < this.#strings.end ? this.#table.u8(at) : 0;
  }

  /** Calls `take` with each of its own types of these kinds. @param kinds bits by kind. */
  eachOf(kinds: number, take: (type: BtfType) => void): void {
    let at = this.#starts[0] ?? 0;
    for (let id = this.#first; id < this.end; id++) {
      const info = this.#table.u32(at + INFO_AT);
      if ((kinds & (1 << kindOf(info))) !== 0) take(typeAt(this.#table, id, at));
      at += typeBytes(info);
    }
  }

  /** Whether the string there is `name`, without making one of it. */
  hasName(offset: number, name: Uint8Array): boolean {
    if (offset < this.#firstString) return this.base?.hasName(offset, name) ?? name.length === 0;
    for (let i = 0; i < name.length; i++) if (this.stringByte(offset + i) !== name[i]) return false;
    return name.length === LONGEST_NAME || this.stringByte(offset + name.length) === 0;
  }

  get stringsEnd(): number {
    return this.#firstString + this.#strings.end - this.#strings.start;
  }
}

/** Offsets in the table. */
interface Section {
  readonly start: number;
  readonly end: number;
}

function typeAt(table: Table, id: number, at: number): BtfType {
  const info = table.u32(at + INFO_AT);
  return {
    id,
    kind: kindOf(info),
    nameOffset: table.u32(at),
    vlen: info & 0xffff,
    kind_flag: info >>> 31 === 1,
    sizeOrType: table.u32(at + SIZE_AT),
    body: at + TYPE_BYTES,
    table,
  };
}

function kindOf(info: number): number {
  return (info >>> 24) & 0x1f;
}

/** By kind, from BODIES; 0 for a kind that we do not know. */
const FIXED_BYTES = Array.from({ length: 32 }, (_, kind) => {
  const body = BODIES[kind];
  return body ? TYPE_BYTES + body[0] : 0;
});
const PART_BYTES = Array.from({ length: 32 }, (_, kind) => BODIES[kind]?.[1] ?? 0);

/** 0 for a kind that we do not know, whose length nobody can tell. */
function typeBytes(info: number): number {
  const kind = kindOf(info);
  return FIXED_BYTES[kind] === 0 ? 0 : FIXED_BYTES[kind]! + PART_BYTES[kind]! * (info & 0xffff);
}

/** What is found by going through the types once. */
interface Types {
  readonly section: Section;
  readonly count: number;
  readonly usedBytes: number;
  readonly starts: Uint32Array;
  readonly enums: number;
  readonly enumerators: number;
}

const WINDOW_BYTES = 64 << 10;

/** Up to the first type that does not fit or is of an unknown kind. A loop without calls for a type, because there are 100,000. */
function goThrough(table: Table, { start, end }: Section): Types {
  const starts = new Uint32Array(Math.ceil((end - start) / TYPE_BYTES / TYPES_PER_START));
  const window = new Uint8Array(WINDOW_BYTES);
  const view = new DataView(window.buffer);
  let [shown, shownEnd] = [start, start];
  let [count, enums, enumerators, last] = [0, 0, 0, start];
  let at = start;
  while (at <= end - TYPE_BYTES) {
    if (at + TYPE_BYTES > shownEnd) {
      shown = at;
      shownEnd = at + table.copy(window, at);
      if (at + TYPE_BYTES > shownEnd) break;
    }
    const info = view.getUint32(at - shown + INFO_AT, true);
    const kind = (info >>> 24) & 0x1f;
    const length = FIXED_BYTES[kind]! + PART_BYTES[kind]! * (info & 0xffff);
    if (length === 0 || at + length > end) break;
    if ((ENUM_BITS & (1 << kind)) !== 0) {
      enums += 1;
      enumerators += info & 0xffff;
    }
    if ((count & (TYPES_PER_START - 1)) === 0) starts[count >>> START_SHIFT] = at;
    count += 1;
    last = at;
    at += length;
  }
  // Of the last one the dump may have the beginning alone.
  if (count > 0 && (at > table.length || table.copy(window.subarray(0, 1), at - 1) === 0)) {
    count -= 1;
    at = last;
  }
  return { section: { start, end: at }, count, usedBytes: at - start, starts, enums, enumerators };
}

const ENUM_BITS = (1 << KIND.enum) | (1 << KIND.enum64);
/** What a name without `struct` in front may mean; the first in this order counts. */
export const NAMED: readonly number[] = [
  KIND.struct,
  KIND.union,
  KIND.typedef,
  KIND.enum,
  KIND.enum64,
  KIND.int,
  KIND.float,
];
const NAMED_BITS = NAMED.reduce((bits, kind) => bits | (1 << kind), 0);

/** By the hash of a name; all numbers begin with 0. */
export interface BtfNames {
  /** Types of the kinds in NAMED. */
  readonly types: NameIndex;
  /** Enumerators of all enums, in their order. */
  readonly enumerators: NameIndex;
  /** The numbers of the enums among the types, and how many enumerators there are up to the end of each. */
  readonly enums: Uint32Array;
  readonly enumeratorEnds: Uint32Array;
}

interface HeldStrings {
  readonly bytes: Uint8Array;
  /** The offset of the first of them. Others are in `base`. */
  readonly first: number;
  readonly base: Btf | undefined;
}

function indexed(
  table: Table,
  { section, count, enums, enumerators }: Types,
  strings: HeldStrings,
): BtfNames {
  const names = {
    types: new NameIndex(count),
    enumerators: new NameIndex(enumerators),
    enums: new Uint32Array(enums),
    enumeratorEnds: new Uint32Array(enums),
  };
  const hash = hasher(strings);
  const window = new Uint8Array(WINDOW_BYTES);
  const view = new DataView(window.buffer);
  let [shown, shownEnd] = [section.start, section.start];
  let [enumsBefore, enumeratorsBefore] = [0, 0];
  let at = section.start;
  for (let number = 0; number < count; number++) {
    if (at + TYPE_BYTES > shownEnd) {
      shown = at;
      shownEnd = at + table.copy(window, at);
    }
    const info = view.getUint32(at - shown + INFO_AT, true);
    const kind = (info >>> 24) & 0x1f;
    if ((NAMED_BITS & (1 << kind)) !== 0) {
      const name = view.getUint32(at - shown, true);
      if (name !== 0) names.types.add(hash(name), number);
    }
    if ((ENUM_BITS & (1 << kind)) !== 0) {
      const type = typeAt(table, number, at);
      for (let i = 0; i < type.vlen; i++)
        names.enumerators.add(hash(enumeratorName(type, i)), enumeratorsBefore++);
      names.enums[enumsBefore] = number;
      names.enumeratorEnds[enumsBefore++] = enumeratorsBefore;
    }
    at += FIXED_BYTES[kind]! + PART_BYTES[kind]! * (info & 0xffff);
  }
  return names;
}

/** A loop of its own for strings in one piece: there are 100,000 of them. */
function hasher({ bytes, first, base }: HeldStrings): (offset: number) => number {
  const spread = SPREAD;
  const end = bytes.length;
  return offset => {
    let hash = 0;
    if (offset < first) {
      for (let at = offset, byte = base?.stringByte(at) ?? 0; byte !== 0; byte = base!.stringByte(++at))
        hash += spread[byte]!;
      return hash;
    }
    const from = offset - first;
    const most = Math.min(end, from + LONGEST_NAME);
    for (let i = from; i < most; i++) {
      const byte = bytes[i]!;
      if (byte === 0) break;
      hash += spread[byte]!;
    }
    return hash;
  };
}

/** Of the enumerator `index`: the offset of its name. */
export function enumeratorName(type: BtfType, index: number): number {
  return type.table.u32(enumeratorAt(type, index));
}

export function enumeratorAt({ kind, body }: BtfType, index: number): number {
  return body + index * PART_BYTES[kind]!;
}
