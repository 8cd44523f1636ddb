/** The one pass over the types of BTF: where they are, and which have a name that something may ask for. */
import type { Table } from '../table.ts';
import { FIXED_BYTES, KIND, PART_BYTES, TYPE_BYTES } from './btf-format.ts';

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
/** Of so many types the place of the first is kept. */
export const TYPES_PER_START = 1 << 4;
export const START_SHIFT = Math.log2(TYPES_PER_START);

/** Offsets in the table. */
export interface Section {
  readonly start: number;
  readonly end: number;
}

/** Types are numbered from 0. */
export interface TypePass {
  readonly count: number;
  readonly usedBytes: number;
  /** Where each TYPES_PER_START-th type begins. */
  readonly starts: Uint32Array;
  /** The types of a kind in NAMED that have a name, and the offsets of these names. */
  readonly named: Uint32Array;
  readonly nameOffsets: Uint32Array;
}

const WORD_BYTES = 4;
const WINDOW_BYTES = 64 << 10;
const TYPE_WORDS = TYPE_BYTES / WORD_BYTES;
const FIXED_WORDS = FIXED_BYTES.map(bytes => bytes / WORD_BYTES);
const PART_WORDS = PART_BYTES.map(bytes => bytes / WORD_BYTES);
const IS_NAMED = FIXED_BYTES.map((_, kind) => NAMED.includes(kind));

/**
 * Up to the first type that does not fit or is of an unknown kind. The inner loop calls nothing, because there are 100,000 types
 * and no compiler.
 */
export function passTypes(table: Table, { start, end }: Section): TypePass {
  const most = Math.max(0, Math.floor((end - start) / TYPE_BYTES));
  const starts = new Uint32Array(Math.ceil(most / TYPES_PER_START));
  // Of these the kernel gives what is written to.
  const named = new Uint32Array(most);
  const nameOffsets = new Uint32Array(most);
  // Signed: a number above 2^31 would be an object of its own.
  const window = new Int32Array(WINDOW_BYTES / WORD_BYTES);
  const bytes = new Uint8Array(window.buffer);
  let [count, names] = [0, 0];
  let [at, last] = [start, start];
  while (at <= end - TYPE_BYTES) {
    const held = Math.min(table.copy(bytes, at), end - at);
    const lastWord = Math.floor(held / WORD_BYTES) - TYPE_WORDS;
    if (lastWord < 0) break;
    let word = 0;
    let lastType = 0;
    while (word <= lastWord) {
      const info = window[word + 1]!;
      const kind = (info >>> 24) & 0x1f;
      if ((count & (TYPES_PER_START - 1)) === 0) starts[count >>> START_SHIFT] = at + WORD_BYTES * word;
      if (IS_NAMED[kind]!) {
        named[names] = count;
        nameOffsets[names] = window[word]!;
        if (window[word] !== 0) names += 1;
      }
      count += 1;
      lastType = word;
      word += FIXED_WORDS[kind]! + PART_WORDS[kind]! * (info & 0xffff);
    }
    last = at + WORD_BYTES * lastType;
    at += WORD_BYTES * word;
  }
  // Of the last one the dump may have the beginning alone.
  if (count > 0 && (at > Math.min(end, table.length) || table.copy(bytes.subarray(0, 1), at - 1) === 0)) {
    count -= 1;
    at = last;
    if (names > 0 && named[names - 1] === count) names -= 1;
  }
  return {
    count,
    usedBytes: at - start,
    starts,
    named: shrunk(named, names),
    nameOffsets: shrunk(nameOffsets, names),
  };
}

/** The first ones, in memory of their own: the rest would stay until the next collection of garbage. */
function shrunk(words: Uint32Array<ArrayBuffer>, length: number): Uint32Array {
  return new Uint32Array(words.buffer.transfer(length * WORD_BYTES));
}
