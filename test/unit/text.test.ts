import { expect, test } from 'vitest';
import { printable } from '../../capture/text.ts';

test.each([
  ['escape sequences', 'a\x1b[2Jb', 'a [2Jb'],
  ['lines', 'a\r\nb\tc\v\f\0', 'a  b c   '],
  ['C1 controls: CSI and NEL as one character', 'a\x9b2Jb\x85c', 'a 2Jb c'],
  ['marks of direction', 'a\u202e\u2066\u200fb', 'a   b'],
  ['line and paragraph separators', 'a\u2028b\u2029c', 'a b c'],
  ['halves of surrogate pairs', 'a\ud800b\udc00c', 'a b c'],
  ['text of any language stays', 'größer 日本語 😀 «é»', 'größer 日本語 😀 «é»'],
])('%s', (_, text, shown) => expect(printable(text)).toBe(shown));
