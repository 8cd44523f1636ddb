/** What could not be read while a question was answered: the answer goes on without it and says so. */
import { counted, describeError } from '../errors.ts';

/** A damaged table can fail in each of its entries. */
const MOST_SENTENCES = 16;

/** An answer and what it lacks, a sentence each. */
export interface Findings<T> {
  readonly found: T;
  readonly problems: readonly string[];
}

export class Problems {
  readonly #sentences = new Set<string>();
  #others = 0;

  /** Takes an error; bound, so that it can be passed on as a callback. */
  readonly add = (error: unknown): void => {
    const sentence = describeError(error);
    if (this.#sentences.has(sentence)) return;
    if (this.#sentences.size < MOST_SENTENCES) this.#sentences.add(sentence);
    else this.#others++;
  };

  get sentences(): string[] {
    const others = this.#others > 0 ? [`${counted(this.#others, 'more problem')} of this kind`] : [];
    return [...this.#sentences, ...others];
  }
}

/** After as many unreadable entries, the rest of a list is garbage too, and only takes time. */
const MOST_UNREADABLE = 256;

/** Collects entries until their source fails or ends. An entry that cannot be read costs only itself. */
export function readEach<T, R>(
  entries: Iterable<T>,
  read: (entry: T) => R | undefined,
  problems: Problems,
): R[] {
  const rows: R[] = [];
  let unreadable = 0;
  try {
    for (const entry of entries) {
      try {
        const row = read(entry);
        if (row !== undefined) rows.push(row);
      } catch (error) {
        problems.add(error);
        if (++unreadable === MOST_UNREADABLE) break;
      }
    }
  } catch (error) {
    problems.add(error);
  }
  return rows;
}
