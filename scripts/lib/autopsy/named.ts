/** Rows of a table by the words that a user gave for them. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import { UsageError } from '../cli/command.ts';

interface Addressed {
  readonly address: bigint;
}

interface Named extends Addressed {
  readonly name: string;
}

export interface NamedRows {
  /** One of them, as in "the module zram". */
  readonly what: string;
  /** The command that lists all of them. */
  readonly listedBy: string;
}

const ADDRESS = /^(?:0x)?([0-9a-f]{16})$/i;

/** Whether the word is the address of a row, with all its digits. */
export function isAddressOf(word: string): (row: Addressed) => boolean {
  const digits = ADDRESS.exec(word)?.[1]?.toLowerCase();
  return ({ address }) => digits !== undefined && addressDigits(address) === digits;
}

/**
 * The rows that answer to one of the words, in the table's order; all of them without a word.
 * @throws what `refusal` returns for a word that no row answers to.
 */
export function rowsOf<T>(
  rows: readonly T[],
  words: readonly string[],
  answersTo: (word: string) => (row: T) => boolean,
  refusal: (word: string) => UsageError,
): readonly T[] {
  if (words.length === 0) return rows;
  const isWanted = words.map(word => {
    const answers = answersTo(word);
    if (rows.some(answers)) return answers;
    throw refusal(word);
  });
  return rows.filter(row => isWanted.some(answers => answers(row)));
}

/**
 * As `rowsOf`, by name or address. Of a table that could not be read there are no rows, and what it lacks is said elsewhere.
 * @throws UsageError for a word that no row answers to.
 */
export function chooseNamed<T extends Named>(
  rows: readonly T[],
  words: readonly string[],
  { what, listedBy }: NamedRows,
): readonly T[] {
  if (rows.length === 0) return rows;
  const answersTo = (word: string) => {
    const hasAddress = isAddressOf(word);
    return (row: T) => row.name === word || hasAddress(row);
  };
  return rowsOf(
    rows,
    words,
    answersTo,
    word =>
      new UsageError('NO_NAME', {
        action: `find the ${what} ${word}`,
        actual: `none of ${rows.length} has that name or address`,
        toDo: `list them: ${listedBy}`,
      }),
  );
}
