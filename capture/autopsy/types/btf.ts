/**
 * BTF as it is stored: a header, types one after another, strings (Documentation/bpf/btf.rst, include/uapi/linux/btf.h). A
 * module's BTF continues the numbers and the strings of vmlinux. Every type that this gives is within its section; the
 * numbers of types and the offsets of strings in it are not checked before they are used.
 */
import { AutopsyError, counted } from '../../errors.ts';
import { hashOf, NameIndex, SPREAD } from '../name-index.ts';

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
/** A kernel's BTF has 5 to 10 MB. */
export const MOST_BTF_BYTES = 64 << 20;
/** No name in C is longer. */
const LONGEST_NAME = 512;
const EMPTY = new Uint8Array();

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
  /** Of what follows, within `view`. */
  readonly body: number;
  readonly view: DataView;
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
  readonly #first: number;
  readonly #types: DataView;
  /** Where each type begins, from `#first` on. */
  readonly #at: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #firstString: number;

  /** @param base of vmlinux, for a module. @throws AutopsyError BTF_HEADER */
  constructor(bytes: Uint8Array, base?: Btf) {
    const { hdr_len, type_off, type_len, str_off, str_len } = decodeBtfHeader(bytes);
    const section = (offset: number, length: number) =>
      bytes.subarray(
        Math.min(hdr_len + offset, bytes.length),
        Math.min(hdr_len + offset + length, bytes.length),
      );
    const types = section(type_off, type_len);
    this.base = base;
    this.#first = base?.end ?? 1;
    this.#strings = section(str_off, str_len);
    this.#firstString = base ? base.stringsEnd : 0;
    this.#types = new DataView(types.buffer, types.byteOffset, types.byteLength);
    this.#at = typeOffsets(this.#types);
    this.end = this.#first + this.#at.length;
    const isCut = this.#usedBytes() < type_len || this.#strings.length < str_len;
    this.warning = isCut ? `BTF is cut or damaged after ${counted(this.#at.length, 'type')}` : undefined;
  }

  /** Numbers of this one's own types begin here. */
  get first(): number {
    return this.#first;
  }

  /** Undefined for 0, which is void, and for a number that no type has. */
  type(id: number): BtfType | undefined {
    if (id < this.#first) return this.base?.type(id);
    const at = this.#at[id - this.#first];
    if (at === undefined) return undefined;
    const view = this.#types;
    const info = view.getUint32(at + 4, true);
    return {
      id,
      kind: kindOf(info),
      nameOffset: view.getUint32(at, true),
      vlen: info & 0xffff,
      kind_flag: info >>> 31 === 1,
      sizeOrType: view.getUint32(at + 8, true),
      body: at + TYPE_BYTES,
      view,
    };
  }

  /** Empty for an offset outside of the strings. */
  string(offset: number): string {
    const bytes = this.stringBytes(offset);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }

  /** Without the NUL. */
  stringBytes(offset: number): Uint8Array {
    if (offset < this.#firstString) return this.base?.stringBytes(offset) ?? EMPTY;
    const from = offset - this.#firstString;
    const strings = this.#strings;
    const most = Math.min(strings.length, from + LONGEST_NAME);
    let end = from;
    while (end < most && strings[end] !== 0) end++;
    return strings.subarray(from, end);
  }

  /** The first of the string, 0 where it ends; 0 for an offset outside of the strings. */
  stringByte(offset: number): number {
    if (offset < this.#firstString) return this.base?.stringByte(offset) ?? 0;
    return this.#strings[offset - this.#firstString] ?? 0;
  }

  /**
   * Calls `take` with each of its own types of these kinds. No object is made of the others: there are a hundred thousand.
   * @param kinds bits by kind.
   */
  eachOf(kinds: number, take: (id: number, kind: number, nameOffset: number) => void): void {
    const [types, offsets, first] = [this.#types, this.#at, this.#first];
    for (let i = 0; i < offsets.length; i++) {
      const at = offsets[i]!;
      const kind = (types.getUint32(at + 4, true) >>> 24) & 0x1f;
      if ((kinds & (1 << kind)) !== 0) take(first + i, kind, types.getUint32(at, true));
    }
  }

  /**
   * Its own types of these kinds that have a name, by the hash of it, and all its enums. A type's number in both begins with 0
   * for `first`.
   * @param kinds bits by kind.
   */
  namesOf(kinds: number): TypeNames {
    const names = { index: new NameIndex(this.#at.length), enums: [] as number[] };
    const [types, offsets, strings] = [this.#types, this.#at, this.#strings];
    if (!this.base) indexTypes({ types, offsets, strings, kinds }, names);
    else
      this.eachOf(kinds, (id, kind, nameOffset) => {
        if ((ENUM_BITS & (1 << kind)) !== 0) names.enums.push(id - this.#first);
        if (nameOffset !== 0) names.index.add(hashOf(this.stringBytes(nameOffset)), id - this.#first);
      });
    return names;
  }

  /** Whether the string there is `name`, without making one of it. */
  hasName(offset: number, name: Uint8Array): boolean {
    if (offset < this.#firstString) return this.base?.hasName(offset, name) ?? name.length === 0;
    const strings = this.#strings;
    let at = offset - this.#firstString;
    for (let i = 0; i < name.length; i++, at++) if (strings[at] !== name[i]) return false;
    return name.length === LONGEST_NAME || (strings[at] ?? 0) === 0;
  }

  get stringsEnd(): number {
    return this.#firstString + this.#strings.length;
  }

  #usedBytes(): number {
    const last = this.#at.at(-1);
    return last === undefined ? 0 : last + typeBytes(this.#types.getUint32(last + 4, true));
  }
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

/** Up to the first type that does not fit or is of an unknown kind. A loop without calls, because there are 100,000. */
function typeOffsets(types: DataView): Uint32Array {
  const offsets = new Uint32Array(Math.floor(types.byteLength / TYPE_BYTES));
  const last = types.byteLength - TYPE_BYTES;
  let count = 0;
  for (let at = 0; at <= last; ) {
    const info = types.getUint32(at + 4, true);
    const kind = (info >>> 24) & 0x1f;
    const length = FIXED_BYTES[kind]! + PART_BYTES[kind]! * (info & 0xffff);
    if (length === 0 || at + length > types.byteLength) break;
    offsets[count++] = at;
    at += length;
  }
  return offsets.slice(0, count);
}

const ENUM_BITS = (1 << KIND.enum) | (1 << KIND.enum64);

export interface TypeNames {
  readonly index: NameIndex;
  readonly enums: readonly number[];
}

interface NamedTypes {
  readonly types: DataView;
  readonly offsets: Uint32Array;
  readonly strings: Uint8Array;
  readonly kinds: number;
}

/** Of vmlinux: one loop, as hashOf makes an array of each of 60,000 names. */
function indexTypes(
  { types, offsets, strings, kinds }: NamedTypes,
  { index, enums }: { index: NameIndex; enums: number[] },
): void {
  const spread = SPREAD;
  const stringsEnd = strings.length;
  const count = offsets.length;
  for (let i = 0; i < count; i++) {
    const at = offsets[i]!;
    const kind = (types.getUint32(at + 4, true) >>> 24) & 0x1f;
    if ((kinds & (1 << kind)) === 0) continue;
    if ((ENUM_BITS & (1 << kind)) !== 0) enums.push(i);
    const from = types.getUint32(at, true);
    if (from === 0) continue;
    const most = Math.min(stringsEnd, from + LONGEST_NAME);
    let hash = 0;
    for (let j = from; j < most; j++) {
      const byte = strings[j]!;
      if (byte === 0) break;
      hash += spread[byte]!;
    }
    index.add(hash, i);
  }
}
