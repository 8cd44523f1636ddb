/** A table of ways to damage a text of lines: logs, configs, command lines. */
import type { Random } from '../../support/random.ts';
import { NUMBERS, TEXTS } from './numbers.ts';

export interface MutantText {
  readonly labels: readonly string[];
  readonly text: string;
}

/** @param parts of the text: its lines or its words. */
type Mutator = (parts: string[], random: Random) => readonly [label: string, parts: string[]];

/** What breaks patterns and terminals. */
export const ODD_TEXTS: readonly string[] = [
  ...TEXTS,
  '\0',
  '\x1b[2J\x1b]0;title\x07',
  '\u202e',
  '\u2028',
  '\ud800',
  '\ufeff',
  '"',
  "'",
  '\\',
  '$HOME $(id) `id`',
  '../../../etc/shadow',
  '/'.repeat(300),
  '__proto__',
  'constructor',
  ' '.repeat(3000),
  'a'.repeat(5000),
  '['.repeat(2000),
  '('.repeat(500),
  '\t \t'.repeat(500),
  '0 '.repeat(1000),
];

const replaceLine: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  parts[at] = random.pick(ODD_TEXTS);
  return [`part ${at} replaced`, parts];
};

const spoilLine: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  const part = parts[at]!;
  const from = random.below(part.length + 1);
  const length = random.pick([0, 1, 1, random.below(20)]);
  parts[at] = part.slice(0, from) + random.pick(ODD_TEXTS) + part.slice(from + length);
  return [`part ${at} spoiled at ${from}`, parts];
};

const changeNumber: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  const value = random.pick(NUMBERS);
  const text = random.chance(0.5) ? value.toString() : `0x${value.toString(16)}`;
  const numbers = [...parts[at]!.matchAll(/\d+/g)];
  if (numbers.length === 0) return spoilLine(parts, random);
  const found = random.pick(numbers);
  parts[at] = parts[at]!.slice(0, found.index) + text + parts[at]!.slice(found.index + found[0].length);
  return [`a number in part ${at} is ${text}`, parts];
};

const cutLine: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  parts[at] = parts[at]!.slice(0, random.below(parts[at]!.length + 1));
  return [`part ${at} cut`, parts];
};

const repeatLine: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  const count = random.pick([1, 2, 100, 3000]);
  parts.splice(random.below(parts.length), 0, ...Array<string>(count).fill(parts[at]!));
  return [`part ${at} ${count} times more`, parts];
};

const longLine: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  const part = parts[at]!;
  if (part === '') return spoilLine(parts, random);
  const from = random.below(part.length);
  const piece = part.slice(from, from + 1 + random.below(12));
  const count = random.pick([100, 2000, 20_000]);
  parts[at] = part.slice(0, from) + piece.repeat(count) + part.slice(from);
  return [`"${piece}" ${count} times in part ${at}`, parts];
};

const swapLines: Mutator = (parts, random) => {
  const [one, other] = [random.below(parts.length), random.below(parts.length)];
  [parts[one], parts[other]] = [parts[other]!, parts[one]!];
  return [`parts ${one} and ${other} swapped`, parts];
};

const joinLines: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  parts.splice(at, 2, `${parts[at]}${parts[at + 1] ?? ''}`);
  return [`part ${at} joined with the next`, parts];
};

const dropLines: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  const count = 1 + random.below(random.pick([1, 10, parts.length]));
  parts.splice(at, count);
  return [`${count} parts from ${at} dropped`, parts];
};

const flipBits: Mutator = (parts, random) => {
  const at = random.below(parts.length);
  const bytes = Buffer.from(parts[at]!, 'latin1');
  for (let i = 0; i < 3 && bytes.length > 0; i++) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  parts[at] = bytes.toString('latin1');
  return [`bits flipped in part ${at}`, parts];
};

const MUTATORS: readonly Mutator[] = [
  replaceLine,
  spoilLine,
  spoilLine,
  changeNumber,
  changeNumber,
  cutLine,
  repeatLine,
  longLine,
  swapLines,
  joinLines,
  dropLines,
  flipBits,
];

/** Of a log or a config, and of a line: longer ones are not read by anything. */
const MOST_CHARS = { '\n': 1 << 22, ' ': 1 << 16 } as const;

/** The first parts that are so long together. */
function within(parts: string[], mostChars: number): string[] {
  let chars = 0;
  const end = parts.findIndex(part => {
    chars += part.length + 1;
    return chars > mostChars;
  });
  return end < 0 ? parts : parts.slice(0, Math.max(end, 1)).map(part => part.slice(0, mostChars));
}

/** One to four changes at once. @param separator between the parts. */
export function mutateText(base: string, separator: '\n' | ' ', random: Random): MutantText {
  const count = 1 + random.below(4);
  const labels: string[] = [];
  let parts = base.split(separator);
  for (let i = 0; i < count && parts.length > 0; i++) {
    const [label, changed] = random.pick(MUTATORS)(parts, random);
    labels.push(label);
    parts = within(changed, MOST_CHARS[separator]);
  }
  return { labels, text: parts.join(separator) };
}
