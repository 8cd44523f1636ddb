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
