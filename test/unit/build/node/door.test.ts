/** Slides to the door: wherever a function began, whoever calls it comes to the jump. */
import { describe, expect, test } from 'vitest';
import { DOOR_BYTES, doorAt, fillWithSlides, hasEntry } from '../../../../build/node/door.ts';

const PAGE = 64;
const DOOR = 0x12345678;
const JUMP = '6878563412c3';

/** Where a slide that begins here jumps from; undefined where it leaves the code. */
function slidesTo(code: Buffer, from: number): number | undefined {
  let at = from;
  while (code[at] === 0x90) at += 1;
  return code.toString('hex', at, at + 6) === JUMP ? at : undefined;
}

function filled(start: number, end: number, entries: readonly number[]): Buffer {
  const code = Buffer.alloc(8 * PAGE, 0xaa);
  fillWithSlides(code, { start, end }, { door: DOOR, pageBytes: PAGE, isEntry: at => entries.includes(at) });
  return code;
}

describe.each([
  ['within a page', 10, 40],
  ['up to the end of a page', 10, PAGE],
  ['a few bytes into the next page', 10, PAGE + 3],
  ['with a jump’s length in the next page', 10, PAGE + 6],
  ['over several pages', 10, 5 * PAGE + 20],
  ['from the last bytes of a page', PAGE - 3, 3 * PAGE],
  ['no longer than a jump', 100, 106],
])('a run %s', (_, start, end) => {
  const code = filled(start, end, [start]);

  test('slides to a jump from every page', () => {
    for (let at = start; at < end - 5; at++) {
      const inJump = Array.from({ length: 5 }, (_, index) => at - 1 - index).some(
        jump => jump >= start && slidesTo(code, jump) === jump,
      );
      if (inJump) continue;
      const jump = slidesTo(code, at);
      expect(jump, `from ${at}`).toBeDefined();
      expect(jump! - at, `from ${at}`).toBeLessThan(2 * PAGE);
    }
  });

  test('is all that is changed', () => {
    expect(code.subarray(0, start).every(byte => byte === 0xaa)).toBe(true);
    expect(code.subarray(end).every(byte => byte === 0xaa)).toBe(true);
  });
});

test.each([PAGE - 5, PAGE - 3, PAGE - 1])(
  'a function that begins at %i, at the end of a page, begins in no jump',
  entry => {
    const code = filled(0, 3 * PAGE, [0, entry]);
    expect(slidesTo(code, entry)).toBeDefined();
    expect(slidesTo(code, 0)).toBeLessThan(entry);
  },
);

test('a jump has an entry in it where one begins after its first byte', () => {
  const at = (entry: number) => hasEntry(100, offset => offset === entry);
  expect([99, 100, 101, 105, 106].map(at)).toEqual([false, false, true, true, false]);
});

test('the door has its words as addresses in itself', () => {
  const door = doorAt(DOOR);
  expect(door).toHaveLength(DOOR_BYTES);
  const strings = new Map<number, string>();
  for (const [, text, at] of [...door.toString('latin1').matchAll(/([/.\w]{2,})\0/g)].map(
    match => [0, match[1]!, match.index] as const,
  ))
    strings.set(DOOR + at, text);
  const words = Array.from({ length: 4 }, (_, index) => door.readBigUInt64LE(88 + 8 * index));
  expect(words.slice(0, 3).map(address => strings.get(Number(address)))).toEqual([
    'busybox',
    'sh',
    '/again.sh',
  ]);
  expect(words[3]).toBe(0n);
  expect([...strings.values()]).toContain('/bin/busybox');
});
