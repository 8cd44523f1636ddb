/** Whatever a value is, it stays text. */
import { expect, test } from 'vitest';
import { html } from '../../../../../scripts/lib/report/page/markup.ts';

test.each([
  ['a tag', '<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  ['the end of an attribute', '" onload="x', '&quot; onload=&quot;x'],
  ['an entity', '&lt;', '&amp;lt;'],
  ['a quote', "it's", 'it&#39;s'],
  ['control characters and a turned direction', 'a\u0007\u001b[2J\u202eb\nc', 'a  [2J b c'],
  ['half of a surrogate pair', 'a\ud800b', 'a b'],
])('%s', (_, value, text) => {
  expect(String(html`<b title="${value}">${value}</b>`)).toBe(`<b title="${text}">${text}</b>`);
});

test('markup stays markup, lists are joined, nothing leaves nothing', () => {
  const inner = html`<i>${'<'}</i>`;
  expect(String(html`${[inner, 1, ['&']]}${undefined}${false}`)).toBe('<i>&lt;</i>1&amp;');
});

test('an object that pretends to be markup is not taken', () => {
  const forged = { toString: () => '<script>' } as unknown as string;
  expect(() => html`${forged}`).toThrow();
});
