/**
 * A table of the crashed kernel's: its names, its types, some MB each, of which an autopsy needs a few hundred places. Where memory
 * is short it is gone through once, from its beginning, and then read again where something is looked for.
 */
import type { KernelMemory } from '../kernel/memory.ts';
import { readHeld } from './image-scan.ts';

export interface Table {
  /** That the dump holds without a gap; of a table that was not gone through yet, that it should have. */
  readonly length: number;
  /** 0 outside of the table. */
  u8(at: number): number;
  /** Little-endian; bytes outside of the table are 0. */
  u32(at: number): number;
  /** @returns how many bytes there are from `at` on, as many as `into` has or fewer. */
  copy(into: Uint8Array, at: number): number;
  /** All of it in one piece, which is not to be used after `release`. */
  whole(): Uint8Array;
  /** No one needs all of it any more. */
  release(): void;
}

/**
 * @param notes whether it is noted what is read of it. A table that others know how to do without need not be in a triage dump,
 * and may not be where it is looked for.
 */
export type OpenTable = (address: bigint, lengthBytes: number, notes?: 'noted' | 'unnoted') => Table;

/** All of it stays in memory. */
export function wholeTable(bytes: Uint8Array): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u8 = (at: number) => bytes[at] ?? 0;
  return {
    length: bytes.length,
    u8,
    u32: at => (at >= 0 && at + WORD_BYTES <= bytes.length ? view.getUint32(at, true) : wordOf(u8, at)),
    copy(into, at) {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    },
    whole: () => bytes,
    release() {},
  };
}

export function wholeTables(memory: KernelMemory): OpenTable {
  return (address, lengthBytes) => wholeTable(readHeld(memory, address, lengthBytes));
}

/**
 * A few pages of it stay in memory.
 * @param memory for what is read for the first time.
 * @param again the same memory, for what was read before.
 * @param pages of each table that are kept: a power of two.
 */
export function keptTables(memory: KernelMemory, again: KernelMemory, pages: number): OpenTable {
  return (address, lengthBytes, notes = 'noted') =>
    new KeptTable({ address, memory: notes === 'noted' ? memory : again, again }, lengthBytes, pages);
}

const WORD_BYTES = 4;
const PAGE_BITS = 12;
const PAGE_BYTES = 1 << PAGE_BITS;

interface Place {
  readonly address: bigint;
  readonly memory: KernelMemory;
  readonly again: KernelMemory;
}

class KeptTable implements Table {
  readonly #place: Place;
  #length: number;
  /** Up to here it was read before. */
  #seen = 0;
  #whole: Uint8Array<ArrayBuffer> | undefined;
  /** A page is in the slot of the last bits of its number. */
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #numbers: Int32Array;

  constructor(place: Place, lengthBytes: number, pages: number) {
    this.#place = place;
    this.#length = lengthBytes;
    this.#bytes = new Uint8Array(pages * PAGE_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#numbers = new Int32Array(pages).fill(-1);
  }

  get length(): number {
    return this.#length;
  }

  u8(at: number): number {
    if (at < 0 || at >= this.#length) return 0;
    return this.#bytes[this.#placeOf(at)]!;
  }

  u32(at: number): number {
    const within = at & (PAGE_BYTES - 1);
    if (within > PAGE_BYTES - WORD_BYTES || at < 0 || at + WORD_BYTES > this.#length)
      return wordOf(from => this.u8(from), at);
    return this.#view.getUint32(this.#placeOf(at), true);
  }

  copy(into: Uint8Array, at: number): number {
    const wanted = Math.max(0, Math.min(into.length, this.#length - at));
    if (this.#whole) {
      into.set(this.#whole.subarray(at, at + wanted));
      return wanted;
    }
    const { address, memory, again } = this.#place;
    const isNew = at + wanted > this.#seen;
    const got = (isNew ? memory : again).readVirtualUpTo(address + BigInt(at), into.subarray(0, wanted));
    if (isNew) this.#seen = at + got;
    if (got < wanted) this.#length = Math.min(this.#length, at + got);
    return got;
  }

  whole(): Uint8Array {
    if (!this.#whole) {
      const bytes = new Uint8Array(this.#length);
      this.copy(bytes, 0);
      this.#whole = bytes;
    }
    return this.#whole.subarray(0, this.#length);
  }

  release(): void {
    // Otherwise it stays until the next collection of garbage.
    this.#whole?.buffer.transfer(0);
    this.#whole = undefined;
  }

  /** In `#bytes`. */
  #placeOf(at: number): number {
    const number = at >>> PAGE_BITS;
    const slot = number & (this.#numbers.length - 1);
    if (this.#numbers[slot] !== number) this.#load(number, slot);
    return (slot << PAGE_BITS) | (at & (PAGE_BYTES - 1));
  }

  #load(number: number, slot: number): void {
    const start = slot << PAGE_BITS;
    this.#numbers[slot] = -1;
    this.#bytes.fill(0, start, start + PAGE_BYTES);
    this.copy(this.#bytes.subarray(start, start + PAGE_BYTES), number << PAGE_BITS);
    this.#numbers[slot] = number;
  }
}

function wordOf(u8: (at: number) => number, at: number): number {
  return (u8(at) | (u8(at + 1) << 8) | (u8(at + 2) << 16) | (u8(at + 3) << 24)) >>> 0;
}
