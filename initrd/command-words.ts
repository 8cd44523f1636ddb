/** The words of a kernel command line, split as the kernel splits them (Linux lib/cmdline.c, next_arg(); kernel/params.c). */

export interface Word {
  /** As it stands in the line, with its quotes. */
  readonly text: string;
  /** Without quotes; `-` is `_`, because the kernel compares parameter names so. */
  readonly name: string;
  /** Without quotes; undefined for a word without `=`. */
  readonly value: string | undefined;
  /** False if a quote is still open at the end of the line: the word would swallow whatever is put behind it. */
  readonly isClosed: boolean;
}

export interface CommandLine {
  /** The parameters of the kernel. */
  readonly words: readonly Word[];
  /** Whether the line has `--`, which ends the kernel's part. */
  readonly hasDashes: boolean;
  /** What follows it: arguments of init, which the kernel does not look at. */
  readonly initArguments: string;
}

/** isspace() of the kernel, as far as it is ASCII. */
const BLANK = /[ \t\n\v\f\r]/;

/** Blanks inside double quotes are part of a word; the quotes are around the whole word or around its value. */
export function parseCommandLine(line: string): CommandLine {
  const words: Word[] = [];
  for (let at = 0; at < line.length; ) {
    if (BLANK.test(line[at]!)) {
      at += 1;
      continue;
    }
    const end = endOfWord(line, at);
    const word = readWord(line.slice(at, end));
    at = end;
    if (word.text === '--' || word.text === '"--"')
      return { words, hasDashes: true, initArguments: line.slice(at).trim() };
    words.push(word);
  }
  return { words, hasDashes: false, initArguments: '' };
}

/** The form in which the kernel compares names of parameters (Linux kernel/params.c, parameq()). */
export function parameterName(name: string): string {
  return name.replaceAll('-', '_');
}

function endOfWord(line: string, start: number): number {
  let inQuotes = false;
  let at = start;
  while (at < line.length && (inQuotes || !BLANK.test(line[at]!))) {
    if (line[at] === '"') inQuotes = !inQuotes;
    at += 1;
  }
  return at;
}

function readWord(text: string): Word {
  const isClosed = (text.match(/"/g)?.length ?? 0) % 2 === 0;
  const bare = unquoted(text);
  const equals = bare.indexOf('=');
  const name = parameterName(equals < 0 ? bare : bare.slice(0, equals));
  return { text, name, value: equals < 0 ? undefined : unquoted(bare.slice(equals + 1)), isClosed };
}

/** Only quotes at the edges are taken off; the kernel keeps the others. */
function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1).replace(/"$/, '') : text;
}
