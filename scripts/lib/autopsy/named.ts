/** Rows of a table by the names that a user gave. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import { UsageError } from '../cli/command.ts';

interface Named {
  readonly name: string;
  readonly address: bigint;
}

export interface NamedRows {
  /** One of them, as in "the module zram". */
  readonly what: string;
  /** The command that lists all of them. */
  readonly listedBy: string;
}

const ADDRESS = /^(?:0x)?([0-9a-f]{16})$/i;

/**
 * The rows with one of these names or addresses, in the table's order; all of them without a word. Of a table that could not
 * be read there are none, and what it lacks is said elsewhere.
 * @throws UsageError for a word that no row answers to.
 */
export function chooseNamed<T extends Named>(
  rows: readonly T[],
  words: readonly string[],
  { what, listedBy }: NamedRows,
): readonly T[] {
  if (words.length === 0 || rows.length === 0) return rows;
  const isWanted = words.map(word => {
    const digits = ADDRESS.exec(word)?.[1]?.toLowerCase();
    const answers = ({ name, address }: Named) => name === word || addressDigits(address) === digits;
    if (rows.some(answers)) return answers;
    throw new UsageError('NO_NAME', {
      action: `find the ${what} ${word}`,
      actual: `none of ${rows.length} has that name or address`,
      toDo: `list them: ${listedBy}`,
    });
  });
  return rows.filter(row => isWanted.some(answers => answers(row)));
}
