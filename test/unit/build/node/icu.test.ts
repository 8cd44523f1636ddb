/** The Node of the image: ICU's data cut down to English, and nothing that JavaScript can call ends the process for it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cutIcuData } from '../../../../build/node/icu.ts';
import { NODE_BINARY } from '../../../../build/paths.ts';

let directory: string;
let node: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-icu-'));
  node = join(directory, 'node');
  const bytes = readFileSync(NODE_BINARY);
  expect(cutIcuData(bytes)).toBeGreaterThan(28e6);
  writeFileSync(node, bytes, { mode: 0o755 });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What both print, or how they die. */
function evaluate(binary: string, expression: string): string {
  try {
    return execFileSync(binary, ['-p', expression], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { status, signal, stderr } = error as { status: number; signal: string; stderr: string };
    return `${status} ${signal} ${/\w+Error[^\n]*/.exec(stderr)?.[0]}`;
  }
}

/** Each of them died or threw with no data at all, or reads a table of ICU. */
const CALLS = [
  "'Straße É'.toUpperCase() + 'ÀÉ'.toLowerCase()",
  "'ﬁé'.normalize('NFKC') + 'e\\u0301'.normalize() + 'é'.normalize('NFD').length",
  "/é/iu.test('É') + ' ' + /\\p{L}\\p{Script=Greek}/u.test('aα')",
  "new RegExp('^\\\\p{RGI_Emoji}$', 'v').test('😀')",
  "['b', 'ä', 'a', 'Z'].sort(new Intl.Collator('en').compare) + 'a'.localeCompare('b')",
  "(1234567.5).toLocaleString() + 123456n.toLocaleString() + new Intl.NumberFormat('en', { style: 'unit', unit: 'byte' }).format(5)",
  'new Date(0).toString() + new Date(0).toLocaleString() + new Date(0).getTimezoneOffset()',
  "new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'full', timeZone: 'Asia/Tokyo' }).format(0)",
  "[...new Intl.Segmenter('en', { granularity: 'word' }).segment('one two. Three')].length",
  "new Intl.PluralRules('en').select(1) + new Intl.RelativeTimeFormat('en').format(1, 'day')",
  "new Intl.ListFormat('en').format(['a', 'b']) + new Intl.DisplayNames('en', { type: 'region' }).of('DE')",
  "new Intl.DurationFormat('en').format({ hours: 1 }) + new Intl.Locale('de').maximize()",
  "new TextDecoder('utf-16le').decode(Buffer.from('aé', 'utf16le')) + new TextDecoder('latin1').decode(Buffer.of(233))",
  "new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from('é')) + require('buffer').transcode(Buffer.from('é'), 'utf8', 'latin1').length",
  "new URL('http://exämple.com/ä').href + require('url').domainToASCII('exämple.com')",
  "require('util').inspect({ a: 'é😀', d: new Date(0) })",
];

test.each(CALLS)('%s', expression => {
  const whole = evaluate(NODE_BINARY, expression);
  expect(whole).not.toContain('Error');
  expect(evaluate(node, expression)).toBe(whole);
});

describe('another language', () => {
  test('is English', () => {
    expect(evaluate(node, "new Intl.DateTimeFormat('de', { month: 'long' }).format(0)")).toBe('January\n');
    expect(evaluate(node, "'ä'.localeCompare('b', 'de') + (0.5).toLocaleString('fr')")).toBe('-10.5\n');
  });
  test('is an error of JavaScript where there is no substitute', () => {
    expect(evaluate(node, "new TextDecoder('shift_jis')")).toMatch(/^1 null RangeError.*not supported/);
  });
});

describe('refused: a binary', () => {
  test('without ICU data', () => {
    expect(() => cutIcuData(Buffer.from('CmnD, which is not at its place'))).toThrow(
      /there is no table of contents/,
    );
  });
  test.each([
    ['with an item that ends behind its end', 0x7fffffff, /ends at/],
    ['with an item that ends before it begins', 1, /ends at/],
  ])('%s', (_, offset, message) => {
    expect(() => cutIcuData(icuData(['a.res', 'root.res', 'zu.res'], [100, offset, 300]))).toThrow(message);
  });
  test('whose data have no root', () => {
    expect(() => cutIcuData(icuData(['a.res', 'zu.res'], [100, 200]))).toThrow(/no item root\.res/);
  });
});

test('items that are not English are zeros, and nothing else changes', () => {
  const data = icuData(['de.res', 'root.res', 'zu.res'], [256, 300, 350]);
  const table = HEADER_BYTES;
  const expected = Buffer.from(data);
  expected.fill(0, table + 256, table + 300);
  expect(cutIcuData(data)).toBe(44);
  expect(data.equals(expected)).toBe(true);
});

const HEADER_BYTES = 32;

/** A table of contents with names before the items, whose bytes are not zero. */
function icuData(names: readonly string[], offsets: readonly number[]): Buffer {
  const data = Buffer.alloc(HEADER_BYTES + 400, 0x55);
  data.writeUInt16LE(HEADER_BYTES, 0);
  data.set([0xda, 0x27], 2);
  data.write('CmnD', 12, 'latin1');
  data.writeUInt32LE(names.length, HEADER_BYTES);
  names.forEach((name, index) => {
    const nameAt = 40 + 20 * index;
    data.write(`icudt78l/${name}\0`, HEADER_BYTES + nameAt, 'latin1');
    data.writeUInt32LE(nameAt, HEADER_BYTES + 4 + 8 * index);
    data.writeUInt32LE(offsets[index]!, HEADER_BYTES + 8 + 8 * index);
  });
  return data;
}
