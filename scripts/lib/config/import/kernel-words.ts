/** Words that another program adds to the crash kernel's command line, or removes from it. */
import { planCommandLine } from '../../../../initrd/command-line.ts';
import { parseCommandLine } from '../../../../initrd/command-words.ts';
import { leftOut, type Outcome, same } from './outcome.ts';

/** Words that start the other program's capture, or speak to what it brings along. */
const OF_ITS_CAPTURE: readonly RegExp[] = [
  /^systemd\./,
  /^rd\./,
  /^udev\./,
  /^initramfs_options$/,
  /^kdump/,
  /^root/,
];

/** `nr_cpus=1` too: it is in the files as they are installed, and another number is somebody's choice. */
const ADDED = planCommandLine('').added.map(({ word }) => word);

/** Without the words that kdumpling adds itself, and those that mean the other program. */
export function appendedWords(value: string): Outcome {
  const words = wordsOf(value);
  const needed = words.filter(
    word => !ADDED.includes(word) && !OF_ITS_CAPTURE.some(one => one.test(nameOf(word))),
  );
  if (needed.length === 0) return same('kdumpling adds these words itself, or does not need them');
  const others = words.filter(word => !needed.includes(word));
  return {
    kind: 'taken',
    lines: [`command_line_append ${needed.join(' ')}`],
    ...(others.length > 0 && { why: `without ${others.join(' ')}: kdumpling adds or replaces these` }),
  };
}

/** Without the words that kdumpling leaves out anyway. */
export function removedWords(value: string): Outcome {
  const words = wordsOf(value);
  const isLeftOut = (word: string) =>
    planCommandLine(word.includes('=') ? word : `${word}=1`).leftOut.length > 0;
  const needed = words.filter(word => !isLeftOut(word));
  if (needed.length === 0) return same('kdumpling leaves these words out');
  const others = words.filter(word => !needed.includes(word));
  return {
    kind: 'taken',
    lines: [`command_line_remove ${needed.join(' ')}`],
    ...(others.length > 0 && { why: `without ${others.join(' ')}: kdumpling leaves these out` }),
  };
}

/** A whole line, which replaces the running kernel's. */
export function wholeLine(): Outcome {
  return leftOut(
    'the line is made from the running kernel’s; use command_line_append and command_line_remove',
  );
}

function wordsOf(value: string): string[] {
  return parseCommandLine(value).words.map(({ text }) => text);
}

function nameOf(word: string): string {
  return word.replace(/^"/, '').split('=', 1)[0]!;
}
