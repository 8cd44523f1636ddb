/** What a command says of itself, as data. Its help, its manual page and the shells' completion are made of this. */
import { tableLines, terminalColumns } from './table.ts';

export interface OptionFacts {
  /** A switch has none. */
  readonly value?: string;
  /** May be given several times; each value counts. It has no default. */
  readonly repeatable?: true;
  readonly default?: string;
  readonly short?: string;
  readonly help: string;
  /** The values that are taken, where they can be listed. */
  readonly choices?: readonly string[];
}

export type Options = Readonly<Record<string, OptionFacts>>;

export interface CommandFacts {
  /** `npm start --` or `kdumpling rebuild`. */
  readonly name: string;
  /** One line. */
  readonly purpose: string;
  /** Names of the arguments that are no options, for the usage line. */
  readonly positionals?: readonly string[];
  readonly options: Options;
}

/** One option as a reader sees it. */
export interface OptionRow {
  /** `-d` and `--dump-level`, the short one first. */
  readonly flags: readonly string[];
  readonly value?: string;
  /** What it does, with the default in brackets. */
  readonly text: string;
  readonly choices: readonly string[];
}

/** All options of a command: its own, and those that every command has. */
export function optionRows(options: Options): OptionRow[] {
  const all: Options = {
    version: { help: 'print the version' },
    ...options,
    help: { short: 'h', help: 'print this text' },
  };
  // What every command has comes last, unless a command has its own.
  const names = [...Object.keys(options), ...Object.keys(all).filter(name => !Object.hasOwn(options, name))];
  return names.map(name => {
    const { short, value, help, default: standard, choices = [] } = all[name]!;
    return {
      flags: [...(short ? [`-${short}`] : []), `--${name}`],
      value,
      text: standard === undefined ? help : `${help} (${standard})`,
      choices,
    };
  });
}

/** `kdumpling verify [OPTION]… ID|DIRECTORY|VMCORE` */
export function usageLine({ name, positionals = [] }: CommandFacts): string {
  return [name, '[OPTION]…', ...positionals].join(' ');
}

export function helpText(command: CommandFacts): string {
  const rows = optionRows(command.options).map(({ flags, value, text }) => [
    `${flags.join(', ')}${value ? ` ${value}` : ''}`,
    text,
  ]);
  return [
    command.purpose,
    '',
    `usage: ${usageLine(command)}`,
    '',
    ...tableLines(rows, { indent: 2, columns: terminalColumns(), last: 'wrapped' }),
  ].join('\n');
}
