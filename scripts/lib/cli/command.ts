/** How a command of ours begins and ends: options with one-line errors, --help, Ctrl-C, exit codes. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { describeError, Failure } from '../../../capture/errors.ts';

/** `notOperational`: the question was answered, and a crash would not be captured (as kdumpctl's `status`). */
export const EXIT = { done: 0, failed: 1, usage: 2, notOperational: 3, interrupted: 130 } as const;

/** The user's words make no sense. Exit code 2. */
export class UsageError extends Failure {}

export interface OptionFacts {
  /** A switch has none. */
  readonly value?: string;
  /** May be given several times; each value counts. It has no default. */
  readonly repeatable?: true;
  readonly default?: string;
  readonly short?: string;
  readonly help: string;
}

export type Options = Readonly<Record<string, OptionFacts>>;

/** What was given: a string for an option with a value, the list of them for a repeatable one, true for a switch. */
export type Given<T extends Options> = {
  readonly [K in keyof T]: T[K] extends { repeatable: true }
    ? readonly string[]
    : T[K] extends { value: string }
      ? string
      : boolean;
} & {
  readonly positionals: readonly string[];
};

export interface Command<T extends Options> {
  /** `npm start --` or `kdumpling rebuild`. */
  readonly name: string;
  /** One line. */
  readonly purpose: string;
  /** Names of the arguments that are no options, for the usage line. */
  readonly positionals?: readonly string[];
  readonly options: T;
  /** Returns the exit code. */
  run(given: Given<T>, signal: AbortSignal): Promise<number>;
}

/** Runs a command to its exit code, which is set and not forced: pending output still gets out. */
export async function runCommand<T extends Options>(
  command: Command<T>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  try {
    if (argv.includes('--help') || argv.includes('-h')) {
      console.log(helpText(command));
      return;
    }
    process.exitCode = await command.run(parse(command, argv), controller.signal);
  } catch (error) {
    console.error(controller.signal.aborted ? 'interrupted' : explain(command.name, error));
    process.exitCode = controller.signal.aborted
      ? EXIT.interrupted
      : error instanceof UsageError
        ? EXIT.usage
        : EXIT.failed;
  } finally {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, interrupt);
  }
}

/** One line for what was foreseen and for what the system refused; a stack for a bug of ours. */
function explain(command: string, error: unknown): string {
  if (error instanceof Failure) return describeError(error);
  if ((error as NodeJS.ErrnoException).syscall)
    return `Cannot go on with ${command}: ${(error as Error).message}`;
  return `A bug of ours, please report it: ${error instanceof Error ? error.stack : String(error)}`;
}

export function helpText({ name, purpose, positionals = [], options }: Command<Options>): string {
  const rows = Object.entries(options).map(([option, facts]) => {
    const short = facts.short ? `-${facts.short}, ` : '';
    const usage = `  ${short}--${option}${facts.value ? ` ${facts.value}` : ''}`;
    const standard = facts.default === undefined ? '' : ` (${facts.default})`;
    return { usage, text: `${facts.help}${standard}` };
  });
  rows.push({ usage: '  -h, --help', text: 'this text' });
  const width = Math.max(...rows.map(({ usage }) => usage.length)) + 2;
  const usage = [name, '[OPTION]…', ...positionals].join(' ');
  return [purpose, '', `usage: ${usage}`, '', ...rows.map(row => row.usage.padEnd(width) + row.text)].join(
    '\n',
  );
}

function parse<T extends Options>(command: Command<T>, argv: readonly string[]): Given<T> {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, facts] of Object.entries(command.options)) {
    options[name] = {
      type: facts.value ? 'string' : 'boolean',
      ...(facts.short && { short: facts.short }),
      ...(facts.default !== undefined && facts.value && { default: facts.default }),
      ...(facts.repeatable && { multiple: true, default: [] }),
    };
  }
  const wanted = command.positionals ?? [];
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options,
      allowPositionals: wanted.length > 0,
    });
    return { ...values, positionals } as unknown as Given<T>;
  } catch (error) {
    throw new UsageError('USAGE', {
      action: `run ${command.name}`,
      actual: (error as Error).message.split('. ')[0],
      toDo: `try ${command.name} --help`,
    });
  }
}

/** A number that the user gave. @throws UsageError */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw badValue(option, text, `a whole number from ${least} to ${most}`);
}

/** @throws UsageError */
export function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  if ((choices as readonly string[]).includes(text)) return text as T;
  throw badValue(option, text, `one of ${choices.join(', ')}`);
}

export function badValue(option: string, text: string, wanted: string): UsageError {
  return new UsageError('BAD_VALUE', {
    action: `use --${option}`,
    actual: `its value is "${text}"`,
    wanted,
  });
}
