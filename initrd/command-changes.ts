/** What an administrator changes of the crash kernel's command line, and what that says of its CPUs. */
import { parseCommandLine, type Word } from './command-words.ts';
import { matcherOf } from './word-families.ts';

export interface CommandLineChanges {
  /** Put last. They are never left out, and replace added words of the same name. */
  readonly append: readonly string[];
  /** Names (`*` for any characters), or whole words with their values. They apply to inherited and added words. */
  readonly remove: readonly string[];
}

/** What kdumpling adds by default. */
export const ONE_CPU = 'nr_cpus=1';

/** An administrator's words that decide how many CPUs the crash kernel has. */
export interface AskedCpus {
  /** At most; infinite for all CPUs of the machine. */
  readonly count: number;
  /** `command_line_append nr_cpus=2` */
  readonly by: string;
}

/** Words that limit the CPUs in another way: `nr_cpus=1` stays beside them. */
const OTHER_LIMITS: ReadonlySet<string> = new Set(['maxcpus', 'nosmp', 'possible_cpus']);

/** Undefined where the changes leave the number to kdumpling. */
export function askedCpus({ append, remove }: CommandLineChanges): AskedCpus | undefined {
  const appended = append.flatMap(wordsOf);
  const named = appended.findLast(({ name }) => name === 'nr_cpus');
  if (named) {
    const count = Number.parseInt(named.value ?? '', 10);
    // The kernel ignores 0, and what is not a number (Linux kernel/smp.c, nrcpus).
    return { count: count > 0 ? count : Number.POSITIVE_INFINITY, by: `command_line_append ${named.text}` };
  }
  const remover = remove.find(words => wordsOf(ONE_CPU).some(removerOf(wordsOf(words))));
  if (remover !== undefined) return { count: Number.POSITIVE_INFINITY, by: `command_line_remove ${remover}` };
  const other = appended.find(({ name }) => OTHER_LIMITS.has(name));
  return other && { count: 1, by: `command_line_append ${other.text}` };
}

export function removerOf(wanted: readonly Word[]): (word: Word) => boolean {
  const removers = wanted.map(({ name, value }) => {
    const matches = matcherOf(name);
    return (word: Word) => matches(word.name) && (value === undefined || value === word.value);
  });
  return word => removers.some(removes => removes(word));
}

export function wordsOf(text: string): readonly Word[] {
  return parseCommandLine(text).words;
}
