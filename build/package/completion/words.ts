/** What a shell can complete, from the tables that `--help` prints. */
import { type OptionRow, optionRows } from '../../../scripts/lib/cli/help.ts';
import { KDUMP_HELPER } from '../../../scripts/lib/cli/program-files.ts';
import { ALIASES, VERBS } from '../../../scripts/verb-table.ts';

/** What stands for an argument: a dump of this machine, a file, or something that only the user knows. */
export type Kind = 'dump' | 'file' | 'directory' | 'other';

export interface CompletedOption extends OptionRow {
  /** Of its value; undefined for a switch. */
  readonly kind?: Kind;
}

export interface CompletedVerb {
  readonly name: string;
  readonly purpose: string;
  readonly options: readonly CompletedOption[];
  /** Of its arguments, in any order. */
  readonly kinds: readonly Kind[];
}

export const PROGRAMS = ['kdumpling', KDUMP_HELPER] as const;

/** Prints the names of the dumps, one a line, and nothing to a user who may not see them. */
export const LIST_DUMPS = 'kdumpling list --ids 2>/dev/null';

/** By the words that usage lines have for arguments. */
const KINDS: Readonly<Record<string, Kind>> = {
  ID: 'dump',
  FILE: 'file',
  '@FILE': 'file',
  VMCORE: 'file',
  OUT: 'file',
  DEVICE: 'file',
  CONSOLE_TEXT: 'file',
  DIR: 'directory',
  DIRECTORY: 'directory',
};

export async function completedVerbs(): Promise<CompletedVerb[]> {
  const names = [...Object.keys(VERBS), ...Object.keys(ALIASES)];
  return Promise.all(
    names.map(async name => {
      const { purpose, options, positionals = [] } = await VERBS[ALIASES[name] ?? name]!();
      return {
        name,
        purpose,
        options: optionRows(options)
          // They exist to be refused by name.
          .filter(({ text }) => !text.startsWith('refused: '))
          .map(row => ({ ...row, kind: row.value === undefined ? undefined : kindOf(row.value) })),
        kinds: kindsOf(positionals),
      };
    }),
  );
}

function kindsOf(positionals: readonly string[]): Kind[] {
  const words = positionals.flatMap(positional => positional.replace(/[[\]…]/g, '').split('|'));
  return [...new Set(words.map(kindOf))];
}

function kindOf(word: string): Kind {
  return KINDS[word] ?? 'other';
}
