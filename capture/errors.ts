/** What can go wrong, as one shape: every error says what could not be done, what was found, what was expected, and what to do. */

/** Where it happened: numbers and names that a reader of the serial log can act on. */
export type Facts = Readonly<Record<string, string | number | bigint>>;

/** The parts of an error's one sentence; see `sentence`. */
export interface What {
  /** What could not be done: a verb and its object. */
  readonly action: string;
  /** What was found. */
  readonly actual: string;
  /** What was expected in its place: a noun. */
  readonly wanted?: string;
  /** What the reader can do about it: a sentence without its full stop, or a command. */
  readonly toDo?: string;
}

/**
 * An error that this program foresaw. `code` is stable, for tests and for the manifest's readers; the facts follow the
 * sentence in brackets.
 */
export class Failure extends Error {
  readonly code: string;
  readonly facts: Facts;

  constructor(code: string, what: What, facts: Facts = {}, options: ErrorOptions = {}) {
    super(`${sentence(what)}${describeFacts(facts)}`, options);
    this.name = new.target.name;
    this.code = code;
    this.facts = facts;
  }
}

/** The vmcore (an ELF core) is not what its format says it is. */
export class VmcoreError extends Failure {}

/** The crashed kernel's memory does not make sense where we looked. */
export class KernelError extends Failure {}

/** The dump lacks a piece that an autopsy needs: a symbol, a type, a table. */
export class AutopsyError extends Failure {}

/** The dump cannot be encoded, or what was written cannot be read back. */
export class DumpFormatError extends Failure {}

/** The place that the dump should go to does not take it. */
export class TargetError extends Failure {}

/** The operating system refused a call. */
export class SystemError extends Failure {}

/** The one place where an error becomes words: "Cannot <action>: <actual>; expected <wanted>. <To do>." */
export function sentence({ action, actual, wanted, toDo }: What): string {
  const found = `Cannot ${action}: ${actual}${wanted ? `; expected ${wanted}` : ''}`;
  return toDo ? `${found}. ${toDo[0]!.toUpperCase()}${toDo.slice(1)}` : found;
}

const MOST_CAUSES = 8;

/** One line for a log: the message and its causes, innermost last. A cause that the line already holds is not repeated. */
export function describeError(error: unknown): string {
  let line = '';
  let e: unknown = error;
  for (let depth = 0; e !== undefined && depth < MOST_CAUSES; depth++) {
    const text = e instanceof Error ? e.message : String(e);
    if (line === '') line = text;
    else if (!line.includes(text)) line += ` <- ${text}`;
    e = e instanceof Error ? e.cause : undefined;
  }
  return line;
}

/** `1 page`, `2 pages`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** For work that may fail without ending what it is a part of. Returns undefined when it failed. */
export function attempt<T>(work: () => T, onError: (error: unknown) => void = () => {}): T | undefined {
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
