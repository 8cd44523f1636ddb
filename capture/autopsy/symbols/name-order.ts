/**
 * The kernel's own index of its symbols (kallsyms_seqs_of_names in scripts/kallsyms.c, Linux 60443c88f3a8, v6.2): their numbers by
 * ascending name, of those with one name by ascending address. Without it the tokens of all names are gone through.
 */
import type { Table } from '../table.ts';
import type { CompressedNames } from './compressed-names.ts';

/** Big-endian. (Linux 19bd8981dc2e, v6.2) */
export const NUMBER_BYTES = 3;
/** Names that are looked at before all others. */
const SAMPLES = 128;
/** What is looked at on each side of a name that is not there. */
const NEIGHBOURS = 2;

export class NameOrder {
  readonly #table: Table;
  readonly #names: CompressedNames;
  readonly #step: number;
  /** The name of each `#step`-th, from the first on; undefined where the table is none, or these do not ascend. */
  readonly #samples: readonly string[] | undefined;

  constructor(table: Table, names: CompressedNames) {
    this.#table = table;
    this.#names = names;
    this.#step = Math.max(1, Math.ceil(names.count / SAMPLES));
    const samples = Math.ceil(names.count / this.#step);
    this.#samples = this.#namesOf(Array.from({ length: samples }, (_, i) => i * this.#step));
  }

  /**
   * Ascending numbers of the symbols with this name; undefined where what was looked at for it is damaged. One of several may be
   * missing, whose own entry is.
   */
  numbers(name: string): number[] | undefined {
    if (!this.#samples) return undefined;
    const wanted = Buffer.from(name, 'latin1');
    let { low, high } = this.#between(name, this.#samples);
    while (low < high) {
      const middle = (low + high) >> 1;
      const number = this.#number(middle);
      if (number === undefined) return undefined;
      if (this.#names.compare(number, wanted) < 0) low = middle + 1;
      else high = middle;
    }
    const found: number[] = [];
    for (let rank = low; rank < this.#names.count; rank++) {
      const number = this.#number(rank);
      if (number === undefined) return undefined;
      if (this.#names.compare(number, wanted) !== 0) break;
      found.push(number);
    }
    // A damaged one misleads to where the name is not, and is next to that place.
    if (found.length === 0 && !this.#namesOf(around(low, this.#names.count))) return undefined;
    return found.sort((a, b) => a - b);
  }

  /** The ranks between which it is, by the samples. */
  #between(name: string, samples: readonly string[]): { low: number; high: number } {
    const after = samples.findIndex(sample => sample >= name);
    const before = after < 0 ? samples.length : after;
    return {
      low: before === 0 ? 0 : (before - 1) * this.#step + 1,
      high: after < 0 ? this.#names.count : after * this.#step,
    };
  }

  /** Undefined where they do not ascend. */
  #namesOf(ranks: readonly number[]): string[] | undefined {
    const numbers = ranks.map(rank => this.#number(rank));
    const seen = new Set<number>();
    const names: string[] = [];
    for (const number of numbers) {
      if (number === undefined || seen.has(number)) return undefined;
      seen.add(number);
      const name = this.#names.expanded(number).slice(1);
      if (name < names.at(-1)!) return undefined;
      names.push(name);
    }
    return names;
  }

  /** Undefined where the dump does not hold it, or no symbol has it. */
  #number(rank: number): number | undefined {
    const table = this.#table;
    const at = NUMBER_BYTES * rank;
    const number = (table.u8(at) << 16) | (table.u8(at + 1) << 8) | table.u8(at + 2);
    return at + NUMBER_BYTES <= table.length && number < this.#names.count ? number : undefined;
  }
}

function around(rank: number, count: number): number[] {
  const [first, end] = [Math.max(0, rank - NEIGHBOURS), Math.min(count, rank + NEIGHBOURS)];
  return Array.from({ length: end - first }, (_, i) => first + i);
}
