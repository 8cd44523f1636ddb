/**
 * The types and strings of BTF. A module's BTF continues the numbers and the strings of vmlinux. Every type that this gives is
 * within its section; the numbers of types and the offsets of strings in it are not checked before they are used.
 */
import { counted } from '../../errors.ts';
import { candidates, hashOf, SPREAD } from '../name-index.ts';
import type { Table } from '../table.ts';
import {
  type BtfType,
  decodeBtfHeader,
  HEADER_BYTES,
  infoAt,
  kindOf,
  typeAt,
  typeBytes,
} from './btf-format.ts';
import { passTypes, type Section, START_SHIFT, TYPES_PER_START } from './type-pass.ts';

/** No name in C is longer. */
const LONGEST_NAME = 512;
/** A name is found by its first bytes: few types share them, and the strings need not be gone through to their ends. */
const HASHED_BYTES = 8;

export class Btf {
  readonly base: Btf | undefined;
  /** Numbers of types are below it. */
  readonly end: number;
  /** Not undefined when types or strings are cut. */
  readonly warning: string | undefined;
  readonly #first: number;
  readonly #table: Table;
  /** Where each TYPES_PER_START-th type begins, from `#first` on. */
  readonly #starts: Uint32Array;
  /** Types with names, counted from `#first` on, and what their names are found by. */
  readonly #named: Uint32Array;
  readonly #prints: Uint16Array;
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
    const types = passTypes(table, section(type_off, type_len));
    this.#starts = types.starts;
    this.#named = types.named;
    this.end = this.#first + types.count;
    // The dump may have ended within the types.
    const strings = section(str_off, str_len);
    const bytes = new Uint8Array(strings.end - strings.start);
    const held = table.copy(bytes, strings.start);
    this.#strings = { start: strings.start, end: strings.start + held };
    this.#prints = printsOf(types.nameOffsets, {
      bytes: bytes.subarray(0, held),
      first: this.#firstString,
      base,
    });
    // Otherwise they stay until the next collection of garbage.
    bytes.buffer.transfer(0);
    const isCut = types.usedBytes < type_len || held < str_len;
    this.warning = isCut ? `BTF is cut or damaged after ${counted(types.count, 'type')}` : undefined;
  }

  /** Undefined for 0, which is void, and for a number that no type has. */
  type(id: number): BtfType | undefined {
    if (id < this.#first) return this.base?.type(id);
    if (id >= this.end) return undefined;
    const table = this.#table;
    const index = id - this.#first;
    let at = this.#starts[index >>> START_SHIFT]!;
    for (let before = index & (TYPES_PER_START - 1); before > 0; before--) at += typeBytes(infoAt(table, at));
    return typeAt(table, id, at);
  }

  /** Its own types of a kind in NAMED that have this name, in their order. */
  *namedTypes(name: Uint8Array): Generator<BtfType> {
    for (const i of candidates(this.#prints, hashOf(name.subarray(0, HASHED_BYTES)))) {
      const type = this.type(this.#first + this.#named[i]!)!;
      if (this.hasName(type.nameOffset, name)) yield type;
    }
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

  /** Its own types of these kinds, in their order. @param kinds bits by kind. */
  *ofKinds(kinds: number): Generator<BtfType> {
    const table = this.#table;
    let at = this.#starts[0] ?? 0;
    for (let id = this.#first; id < this.end; id++) {
      const info = infoAt(table, at);
      if ((kinds & (1 << kindOf(info))) !== 0) yield typeAt(table, id, at);
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

interface HeldStrings {
  readonly bytes: Uint8Array;
  /** The offset of the first of them. Others are in `base`. */
  readonly first: number;
  readonly base: Btf | undefined;
}

/** Of each name the hash of its first bytes. The loops over them call nothing: there are 20,000. */
function printsOf(nameOffsets: Uint32Array, { bytes, first, base }: HeldStrings): Uint16Array {
  const spread = SPREAD;
  const prints = new Uint16Array(nameOffsets.length);
  for (let i = 0; i < prints.length; i++) {
    const from = nameOffsets[i]! - first;
    if (from < 0) {
      prints[i] = hashOf(firstBytes(base, nameOffsets[i]!));
      continue;
    }
    const most = Math.min(bytes.length, from + HASHED_BYTES);
    let hash = 0;
    for (let at = from; at < most; at++) {
      const byte = bytes[at]!;
      if (byte === 0) break;
      hash += spread[byte]!;
    }
    prints[i] = hash;
  }
  return prints;
}

function firstBytes(btf: Btf | undefined, offset: number): Uint8Array {
  const bytes = Array.from({ length: HASHED_BYTES }, (_, i) => btf?.stringByte(offset + i) ?? 0);
  const end = bytes.indexOf(0);
  return Uint8Array.from(end < 0 ? bytes : bytes.slice(0, end));
}
