/**
 * The symbols of vmlinux from its own kallsyms. Names stay compressed, as bytes; addresses are computed when they are asked
 * for. (scripts/kallsyms.c; kallsyms_expand_symbol() and get_symbol_pos() in kernel/kallsyms.c)
 */
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { hashOf, NameIndex } from '../name-index.ts';
import type { Table } from '../table.ts';
import { type AddressMode, addressAt, chooseMode, EXPORTED, positionOf } from './addresses.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/** KSYM_NAME_LEN is 512; the type comes first. */
const LONGEST_NAME = 513;
/** A name of 128 bytes and more has a length of two bytes (Linux 73bbb94466fd, v6.1). */
const LONG_NAME = 0x80;
/** Of so many names the place of the first is kept. */
const NAMES_PER_START = 1 << 4;
const START_SHIFT = Math.log2(NAMES_PER_START);

export class Kallsyms {
  /** Fewer than the kernel had when its names or offsets are cut. */
  readonly count: number;
  readonly mode: AddressMode;
  readonly warnings: readonly string[];
  readonly #tables: KallsymsTables;
  readonly #offsets: DataView;
  /** Where the length of each NAMES_PER_START-th name is. */
  readonly #starts: Uint32Array;
  readonly #index: NameIndex;
  /** Numbers by ascending address; undefined where they are in that order already. */
  readonly #order: Uint32Array | undefined;

  /** @throws AutopsyError KALLSYMS_MODE */
  constructor(tables: KallsymsTables, vmcoreinfo: Vmcoreinfo) {
    const { offsets, count } = tables;
    this.#tables = tables;
    this.#offsets = new DataView(offsets.buffer, offsets.byteOffset, offsets.byteLength);
    const most = Math.min(count, Math.floor(offsets.length / 4));
    this.#starts = new Uint32Array(Math.ceil(most / NAMES_PER_START));
    this.#index = new NameIndex(most);
    this.count = indexNames(tables, most, { starts: this.#starts, index: this.#index });
    tables.names.release();
    this.warnings =
      this.count === count ? [] : [`kallsyms has ${count} symbols, of which ${this.count} are usable`];
    const known = new Map<string, { offset: number; number: number }>();
    for (const name of EXPORTED) {
      const number = this.numbers(name).next().value;
      if (number !== undefined) known.set(name, { offset: this.#offset(number), number });
    }
    this.mode = chooseMode(tables, known, vmcoreinfo);
    this.#order = this.#ascending();
  }

  address(number: number): bigint {
    return addressAt(this.mode, this.#position(number));
  }

  /** With its type in front. */
  #expanded(number: number): string {
    const { names, tokens } = this.#tables;
    let at = this.#starts[number >>> START_SHIFT]!;
    for (let before = number & (NAMES_PER_START - 1); before > 0; before--)
      at = nameStart(names, at) + nameLength(names, at);
    const end = nameStart(names, at) + nameLength(names, at);
    let text = '';
    for (at = nameStart(names, at); at < end && text.length < LONGEST_NAME; at++)
      text += latin1(tokens[names.u8(at)]!);
    return text.slice(0, LONGEST_NAME);
  }

  name(number: number): string {
    return this.#expanded(number).slice(1);
  }

  type(number: number): string {
    return this.#expanded(number).slice(0, 1);
  }

  /** Of the symbols with this name, in the kernel's order. */
  *numbers(name: string): Generator<number> {
    for (const number of this.#index.candidates(hashOf(Buffer.from(name, 'latin1'))))
      if (this.name(number) === name) yield number;
  }

  /**
   * The last symbol at or below `address`, and the next address that has one. Of several at an address, the first in the
   * kernel's order, which is the one that the kernel prints.
   */
  at(address: bigint): { number: number; next: bigint | undefined } | undefined {
    const after = this.#firstFrom(positionOf(this.mode, address) + 1);
    if (after === 0) return undefined;
    const found = this.#position(this.#ranked(after - 1));
    return {
      number: this.#ranked(this.#firstFrom(found)),
      next: after < this.count ? this.address(this.#ranked(after)) : undefined,
    };
  }

  /** How many symbols have a lower position. */
  #firstFrom(position: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#position(this.#ranked(middle)) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #ranked(rank: number): number {
    return this.#order ? this.#order[rank]! : rank;
  }

  #position(number: number): number {
    return this.mode.position(this.#offset(number), number);
  }

  #offset(number: number): number {
    return this.#offsets.getInt32(4 * number, true);
  }

  /** The kernel sorts them; damaged ones, and modes that it does not sort by, must not break the search. */
  #ascending(): Uint32Array | undefined {
    const { mode, count } = this;
    if (isAscending(this.#offsets, mode, count)) return undefined;
    const positions = new Float64Array(count);
    for (let i = 0; i < count; i++) positions[i] = this.#position(i);
    return Uint32Array.from(positions.keys()).sort((a, b) => positions[a]! - positions[b]! || a - b);
  }
}

/**
 * One loop that calls nothing for a token: there are a million, and where the compilers are off each call takes longer
 * than the work.
 * @param most that are wanted.
 * @returns how many names there are.
 */
function indexNames(
  { names: table, tokens }: KallsymsTables,
  most: number,
  { starts, index }: { starts: Uint32Array; index: NameIndex },
): number {
  const names = table.whole();
  const hashes = Uint32Array.from(tokens, token => hashOf(token));
  // The first token begins with the symbol's type, which is not a part of the name.
  const firstHashes = Uint32Array.from(tokens, token => hashOf(token.subarray(1)));
  const namesEnd = names.length;
  let at = 0;
  for (let number = 0; number < most; number++) {
    let length = names[at]!;
    let i = at + 1;
    if (length >= LONG_NAME) {
      length = (length & (LONG_NAME - 1)) | ((names[at + 1] ?? 0) << 7);
      i = at + 2;
    }
    const end = i + length;
    // Also where the names are cut within a length.
    if (!(end <= namesEnd && length > 0)) return number;
    let hash = firstHashes[names[i]!]!;
    for (i++; i < end; i++) hash += hashes[names[i]!]!;
    if ((number & (NAMES_PER_START - 1)) === 0) starts[number >>> START_SHIFT] = at;
    index.add(hash, number);
    at = end;
  }
  return most;
}

function isAscending(offsets: DataView, mode: AddressMode, count: number): boolean {
  let previous = Number.NEGATIVE_INFINITY;
  for (let number = 0; number < count; number++) {
    const position = mode.position(offsets.getInt32(4 * number, true), number);
    if (position < previous) return false;
    previous = position;
  }
  return true;
}

/** Where the tokens of the name begin whose length is at `at`. */
function nameStart(names: Table, at: number): number {
  return names.u8(at) < LONG_NAME ? at + 1 : at + 2;
}

/** In tokens. */
function nameLength(names: Table, at: number): number {
  const low = names.u8(at);
  return low < LONG_NAME ? low : (low & (LONG_NAME - 1)) | (names.u8(at + 1) << 7);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
