/** How every command begins and ends: options with one-line errors, --help, --version, Ctrl-C, exit codes. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { describeError, Failure } from '../../../capture/errors.ts';
import { printable } from '../../../capture/text.ts';
import { PROGRAM } from '../../../capture/version.ts';
import { type CommandFacts, helpText, type Options } from './help.ts';
import { isClosedPipe, watchOutput } from './output.ts';

/** `notOperational`: the question was answered, and a crash would not be captured (kdumpctl's `status` does the same). */
export const EXIT = { done: 0, failed: 1, usage: 2, notOperational: 3, interrupted: 130 } as const;

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done',
  failed: 'failed, with one line that says why',
  usage: 'wrong usage',
  notOperational: 'not operational: a crash would not be captured (show, status)',
  interrupted: 'interrupted (Ctrl-C, SIGTERM, SIGHUP)',
};

/** The user's words make no sense. Exit code 2. */
export class UsageError extends Failure {}

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

export interface Command<T extends Options> extends CommandFacts {
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
  for (const name of INTERRUPTS) process.on(name, interrupt);
  const output = watchOutput();
  try {
    process.exitCode = await answer(command, argv, controller.signal);
    const failure = await output.failure();
    if (failure) throw failure;
  } catch (error) {
    process.exitCode = report(command.name, error, controller.signal);
  } finally {
    output.unwatch();
    for (const name of INTERRUPTS) process.off(name, interrupt);
  }
}

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function answer<T extends Options>(
  command: Command<T>,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const asks = (...flags: string[]) => flags.some(flag => optionsOf(argv).includes(flag));
  if (asks('--help', '-h')) console.log(helpText(command));
  else if (asks('--version') && !Object.hasOwn(command.options, 'version')) console.log(PROGRAM);
  else return command.run(parse(command, argv), signal);
  return EXIT.done;
}

/** What follows `--` is no option. */
function optionsOf(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

/** Prints what went wrong. @returns the exit code. */
function report(command: string, error: unknown, signal: AbortSignal): number {
  if (isClosedPipe(error)) return EXIT.done;
  console.error(signal.aborted ? 'interrupted' : explain(command, error));
  if (signal.aborted) return EXIT.interrupted;
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** One line for what was foreseen and for what the system refused; a stack for a bug. */
function explain(command: string, error: unknown): string {
  if (error instanceof Failure) return printable(describeError(error));
  if ((error as NodeJS.ErrnoException).syscall)
    return printable(`Cannot go on with ${command}: ${(error as Error).message}`);
  return [
    `This is a bug in kdumpling. Please report it in the project's issue tracker, with the lines below.`,
    `${PROGRAM}, Node ${process.version}: ${command}`,
    error instanceof Error ? error.stack : String(error),
  ].join('\n');
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
