/**
 * The names of kallsyms as the kernel keeps them: of each a length and tokens, of which the first begins with the symbol's type.
 * (scripts/kallsyms.c; kallsyms_expand_symbol() in kernel/kallsyms.c)
 */
import { hashOf } from '../name-index.ts';
import type { Table } from '../table.ts';

/** KSYM_NAME_LEN is 512; the type comes first. */
const LONGEST_NAME = 513;
/** A name of 128 bytes and more has a length of two bytes (Linux 73bbb94466fd, v6.1). */
const LONG_NAME = 0x80;
/** Of so many names the place of the first is kept. */
const NAMES_PER_START = 1 << 4;
const START_SHIFT = Math.log2(NAMES_PER_START);

export class CompressedNames {
  /** How many there are, as many as were asked for or fewer. */
  readonly count: number;
  readonly #table: Table;
  readonly #tokens: readonly Uint8Array[];
  readonly #tokenTexts: readonly string[];
  /** Where the length of each NAMES_PER_START-th name is. */
  readonly #starts: Uint32Array;

  /**
   * @param most that are wanted.
   * @param prints take the hash of each name's.
   */
  constructor(table: Table, tokens: readonly Uint8Array[], most: number, prints?: Uint16Array) {
    this.#table = table;
    this.#tokens = tokens;
    this.#tokenTexts = tokens.map(latin1);
    this.#starts = new Uint32Array(Math.ceil(most / NAMES_PER_START));
    this.count = passNames(table.whole(), most, { starts: this.#starts, prints, tokens });
  }

  /** Of each name the hash. */
  prints(): Uint16Array {
    const prints = new Uint16Array(this.count);
    passNames(this.#table.whole(), this.count, { starts: this.#starts, prints, tokens: this.#tokens });
    this.#table.release();
    return prints;
  }

  /** With its type in front. */
  expanded(number: number): string {
    const { start, end } = this.#placeOf(number);
    let text = '';
    for (let at = start; at < end && text.length < LONGEST_NAME; at++)
      text += this.#tokenTexts[this.#table.u8(at)]!;
    return text.slice(0, LONGEST_NAME);
  }

  /** Whether its name comes before `wanted` (below 0), is it (0) or comes after it, by its bytes. */
  compare(number: number, wanted: Uint8Array): number {
    const { start, end } = this.#placeOf(number);
    // The type is before the name.
    let i = -1;
    for (let at = start; at < end; at++) {
      const token = this.#tokens[this.#table.u8(at)]!;
      for (let k = 0; k < token.length; k++, i++) {
        if (i < 0) continue;
        const apart = token[k]! - (wanted[i] ?? 0);
        if (apart !== 0) return apart;
      }
    }
    return i - wanted.length;
  }

  /** Of its tokens. */
  #placeOf(number: number): { start: number; end: number } {
    const table = this.#table;
    let start = 0;
    let end = this.#starts[number >>> START_SHIFT]!;
    for (let before = number & (NAMES_PER_START - 1); before >= 0; before--) {
      const low = table.u8(end);
      start = low < LONG_NAME ? end + 1 : end + 2;
      end = start + (low < LONG_NAME ? low : (low & (LONG_NAME - 1)) | (table.u8(end + 1) << 7));
    }
    return { start, end };
  }
}

interface Passed {
  readonly starts: Uint32Array;
  readonly prints?: Uint16Array | undefined;
  readonly tokens: readonly Uint8Array[];
}

/**
 * One loop that calls nothing for a token: there are a million, and where the compilers are off each call takes longer
 * than the work.
 * @returns how many names there are, `most` at most.
 */
function passNames(names: Uint8Array, most: number, { starts, prints, tokens }: Passed): number {
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
    if ((number & (NAMES_PER_START - 1)) === 0) starts[number >>> START_SHIFT] = at;
    if (prints !== undefined) {
      let hash = firstHashes[names[i]!]!;
      // Two at a time: half as many steps of the loop.
      const last = end - 1;
      for (i++; i < last; i += 2) hash += hashes[names[i]!]! + hashes[names[i + 1]!]!;
      if (i < end) hash += hashes[names[i]!]!;
      prints[number] = hash;
    }
    at = end;
  }
  return most;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
