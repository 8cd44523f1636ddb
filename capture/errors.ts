/** What can go wrong, as one shape: every error says what was attempted, what was found and what was wanted. */

/** Where it happened: numbers and names that a reader of the serial log can act on. */
export type Facts = Readonly<Record<string, string | number | bigint>>;

/**
 * An error that this program foresaw. The message reads "Cannot <action>: <actual>; <wanted>", the facts follow in
 * brackets. `code` is stable, for tests and for the manifest's readers.
 */
export class Failure extends Error {
  readonly code: string;
  readonly facts: Facts;

  constructor(
    code: string,
    what: { action: string; actual: string; wanted?: string },
    facts: Facts = {},
    options: ErrorOptions = {},
  ) {
    const wanted = what.wanted ? `; ${what.wanted}` : '';
    super(`Cannot ${what.action}: ${what.actual}${wanted}${describeFacts(facts)}`, options);
    this.name = new.target.name;
    this.code = code;
    this.facts = facts;
  }
}

/** The vmcore (an ELF core) is not what its format says it is. */
export class VmcoreError extends Failure {}

/** The crashed kernel's memory does not make sense where we looked. */
export class KernelError extends Failure {}

/** The dump cannot be encoded, or what was written cannot be read back. */
export class DumpFormatError extends Failure {}

/** The place that the dump should go to does not take it. */
export class TargetError extends Failure {}

/** The operating system refused a call. */
export class SystemError extends Failure {}

/** One line for a log: the message and its causes, innermost last. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  for (
    let e: unknown = error;
    e !== undefined && lines.length < 8;
    e = e instanceof Error ? e.cause : undefined
  ) {
    lines.push(e instanceof Failure ? e.message : e instanceof Error ? `${e.name}: ${e.message}` : String(e));
  }
  return lines.join(' <- ');
}

/** For work that may fail without ending what it is a part of. Returns undefined when it failed. */
export function attempt<T>(work: () => T, onError: (error: unknown) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    onError(error);
    return undefined;
  }
}

function describeFacts(facts: Facts): string {
  const entries = Object.entries(facts);
  if (entries.length === 0) return '';
  return ` [${entries.map(([name, value]) => `${name}=${describeValue(value)}`).join(' ')}]`;
}

function describeValue(value: string | number | bigint): string {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : String(value);
}
