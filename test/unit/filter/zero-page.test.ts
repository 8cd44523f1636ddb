import { expect, test } from 'vitest';
import { ZeroPageDetector } from '../../../capture/filter/zero-page.ts';

test.each([4096, 65536])('one byte anywhere makes a page of %i bytes no zero page', size => {
  const detector = new ZeroPageDetector(size);
  const window = Buffer.alloc(3 * size + 1);
  for (const offset of [0, 1, size, size + 1]) expect(detector.isZero(window, offset)).toBe(true);
  for (const at of [0, 1, 7, 8, 9, 16, 17, 4095, size - 1]) {
    window[size + at] = 0x80;
    expect(detector.isZero(window, size), `byte ${at}`).toBe(false);
    window[size + at] = 0;
  }
});

test('neighbours do not count', () => {
  const detector = new ZeroPageDetector(4096);
  const window = Buffer.alloc(3 * 4096, 0xff).fill(0, 4096, 8192);
  expect(detector.isZero(window, 4096)).toBe(true);
  expect(detector.isZero(window, 4095)).toBe(false);
  expect(detector.isZero(window, 4097)).toBe(false);
});

test.each([4096, 65536])('of a run of pages of %i bytes, those up to the first that is not zero', size => {
  const detector = new ZeroPageDetector(size);
  const pages = 40;
  for (const end of [0, 1, 3, 16, 17, 39]) {
    const window = Buffer.alloc(pages * size + 3);
    // Between the words that are probed.
    window[3 + end * size + 5] = 1;
    let zero = 0;
    for (let more = -1; more !== 0; zero += more) {
      more = detector.zeroPages(window, 3 + zero * size, pages - zero);
    }
    expect(zero).toBe(end);
  }
});

test('never more pages than asked for', () => {
  const detector = new ZeroPageDetector(4096);
  expect(detector.zeroPages(Buffer.alloc(8 * 4096), 0, 3)).toBe(3);
});
