import { expect, test } from 'vitest';
import { parseCommandLine } from '../../../initrd/command-words.ts';

/** [line, words as name=value with the value in JSON]. The right sides follow Linux lib/cmdline.c, next_arg(). */
test.each<[string, string[]]>([
  ['', []],
  ['a  b\tc\n', ['a', 'b', 'c']],
  ['a=1 b= c', ['a="1"', 'b=""', 'c']],
  ['a=b=c', ['a="b=c"']],
  ['rcu-nocb-poll=a-b', ['rcu_nocb_poll="a-b"']],
  ['dyndbg="func root_init +p" x', ['dyndbg="func root_init +p"', 'x']],
  ['"dyndbg=func root_init +p" x', ['dyndbg="func root_init +p"', 'x']],
  ['a=x" y "z b', ['a="x\\" y \\"z"', 'b']],
  ['a="" b', ['a=""', 'b']],
  ['a="b', ['a="b"']],
])('%j', (line, expected) => {
  const words = parseCommandLine(line).words.map(({ name, value }) =>
    value === undefined ? name : `${name}=${JSON.stringify(value)}`,
  );
  expect(words).toEqual(expected);
});

test.each<[string, string[], boolean, string]>([
  ['a b', ['a', 'b'], false, ''],
  ['a -- single "b c"', ['a'], true, 'single "b c"'],
  ['a --', ['a'], true, ''],
  ['a --b -- c', ['a', '--b'], true, 'c'],
  ['a --=1 "-- b" c', ['a', '--=1', '"-- b"', 'c'], false, ''],
])('%j: the words of the kernel end at --', (line, texts, hasDashes, initArguments) => {
  const { words, ...rest } = parseCommandLine(line);
  expect(words.map(({ text }) => text)).toEqual(texts);
  expect(rest).toEqual({ hasDashes, initArguments });
});

test('an open quote is known', () => {
  expect(parseCommandLine('a="b c').words.map(({ isClosed }) => isClosed)).toEqual([false]);
  expect(parseCommandLine('a="b c"').words.map(({ isClosed }) => isClosed)).toEqual([true]);
});
