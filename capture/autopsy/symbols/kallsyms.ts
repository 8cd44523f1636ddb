/**
 * The symbols of vmlinux from its own kallsyms. Names stay compressed, as bytes; addresses are computed when they are asked
 * for. (scripts/kallsyms.c; kallsyms_expand_symbol() and get_symbol_pos() in kernel/kallsyms.c)
 */
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { candidates, hashOf } from '../name-index.ts';
import type { Table } from '../table.ts';
import { AddressOrder } from './address-order.ts';
import { type AddressMode, addressAt, chooseMode, EXPORTED, positionOf } from './addresses.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/** KSYM_NAME_LEN is 512; the type comes first. */
const LONGEST_NAME = 513;
/** A name of 128 bytes and more has a length of two bytes (Linux 73bbb94466fd, v6.1). */
const LONG_NAME = 0x80;
/** Of so many names the place of the first is kept. */
const NAMES_PER_START = 1 << 4;
const START_SHIFT = Math.log2(NAMES_PER_START);
const OFFSET_BYTES = 4;

export class Kallsyms {
  /** Fewer than the kernel had when its names or offsets are cut. */
  readonly count: number;
  readonly mode: AddressMode;
  readonly warnings: readonly string[];
  readonly #tables: KallsymsTables;
  /** Where the length of each NAMES_PER_START-th name is. */
  readonly #starts: Uint32Array;
  /** See candidates(). */
  readonly #prints: Uint16Array;
  readonly #order: AddressOrder;

  /** @throws AutopsyError KALLSYMS_MODE */
  constructor(tables: KallsymsTables, vmcoreinfo: Vmcoreinfo) {
    const { offsets, names, count } = tables;
    this.#tables = tables;
    const most = Math.min(count, Math.floor(offsets.length / OFFSET_BYTES));
    this.#starts = new Uint32Array(Math.ceil(most / NAMES_PER_START));
    const prints = new Uint16Array(most);
    this.count = passNames(tables, { starts: this.#starts, prints });
    this.#prints = prints.subarray(0, this.count);
    names.release();
    this.warnings =
      this.count === count ? [] : [`kallsyms has ${count} symbols, of which ${this.count} are usable`];
    const known = new Map<string, { offset: number; number: number }>();
    for (const name of EXPORTED) {
      const number = this.numbers(name).next().value;
      if (number !== undefined) known.set(name, { offset: this.#offset(number), number });
    }
    this.mode = chooseMode(tables, known, vmcoreinfo);
    this.#order = new AddressOrder(this.count, number => this.#position(number));
    offsets.release();
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
    for (const number of candidates(this.#prints, hashOf(Buffer.from(name, 'latin1'))))
      if (this.name(number) === name) yield number;
  }

  /**
   * The last symbol at or below `address`, and the next address that has one. Of several at an address, the first in the
   * kernel's order, which is the one that the kernel prints.
   */
  at(address: bigint): { number: number; next: bigint | undefined } | undefined {
    const order = this.#order;
    const after = order.firstFrom(positionOf(this.mode, address) + 1);
    if (after === 0) return undefined;
    const found = this.#position(order.at(after - 1));
    return {
      number: order.at(order.firstFrom(found)),
      next: after < this.count ? this.address(order.at(after)) : undefined,
    };
  }

  #position(number: number): number {
    return this.mode.position(this.#offset(number), number);
  }

  /** Signed. */
  #offset(number: number): number {
    return this.#tables.offsets.u32(OFFSET_BYTES * number) | 0;
  }
}

/**
 * One loop that calls nothing for a token: there are a million, and where the compilers are off each call takes longer
 * than the work. It stops when `prints` is full.
 * @returns how many names there are.
 */
function passNames(
  { names: table, tokens }: KallsymsTables,
  { starts, prints }: { starts: Uint32Array; prints: Uint16Array },
): number {
  const names = table.whole();
  const hashes = Uint32Array.from(tokens, token => hashOf(token));
  // The first token begins with the symbol's type, which is not a part of the name.
  const firstHashes = Uint32Array.from(tokens, token => hashOf(token.subarray(1)));
  const namesEnd = names.length;
  const most = prints.length;
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
    prints[number] = hash;
    at = end;
  }
  return most;
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
