/** Assignments in a file that a shell sources, such as /etc/default/kdump-tools: read, never executed. */

export interface Assignment {
  /** The first line is 1. */
  readonly line: number;
  readonly name: string;
  /** Undefined where only a shell could tell it: a command, or a variable that the file does not set. */
  readonly value: string | undefined;
}

const NAME = /^(?:export\s+)?([A-Za-z_]\w*)=/;

/** The assignments in order. What is no assignment is left out. */
export function readAssignments(text: string): Assignment[] {
  const assignments: Assignment[] = [];
  const known = new Map<string, string>();
  for (let at = 0, line = 1; at < text.length; ) {
    const start = at;
    const indent = /^[ \t]*/.exec(text.slice(at))![0].length;
    const name = NAME.exec(text.slice(at + indent));
    const word = name ? readWord(text, at + indent + name[0].length, known) : undefined;
    if (name && word) {
      assignments.push({ line, name: name[1]!, value: word.value });
      if (word.value === undefined) known.delete(name[1]!);
      else known.set(name[1]!, word.value);
      at = word.end;
    }
    const end = text.indexOf('\n', at);
    at = end < 0 ? text.length : end + 1;
    line += text.slice(start, at).split('\n').length - 1;
  }
  return assignments;
}

/** The last value of each name counts, as for a shell. */
export function lastAssignments(text: string): Assignment[] {
  return [...new Map(readAssignments(text).map(one => [one.name, one])).values()];
}

interface Word {
  readonly value: string | undefined;
  /** Where it ends. */
  readonly end: number;
}

/** A word of the shell: quotes, backslashes and variables that the file has set. */
function readWord(text: string, start: number, known: ReadonlyMap<string, string>): Word {
  let value = '';
  let isKnown = true;
  let quote = '';
  let at = start;
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (quote === '' && /[\s;&|]/.test(character)) break;
    if (character === quote) quote = '';
    else if (quote === "'") value += character;
    else if (quote === '' && /["']/.test(character)) quote = character;
    else if (character === '\\') {
      const next = text[++at] ?? '';
      // A backslash joins two lines; within double quotes it stays before what it need not protect.
      if (next !== '\n') value += quote === '' || /[$`"\\]/.test(next) ? next : `\\${next}`;
    } else if (character === '`') isKnown = false;
    else if (character === '$') {
      const variable = /^\$(?:\{(\w+)\}|(\w+))/.exec(text.slice(at));
      const found = variable && known.get(variable[1] ?? variable[2]!);
      if (found === undefined || found === null) isKnown = false;
      else {
        value += found;
        at += variable![0].length - 1;
      }
    } else value += character;
  }
  return { value: isKnown && quote === '' ? value : undefined, end: at };
}
