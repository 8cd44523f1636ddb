import { expect, test } from 'vitest';
import { DensePageDetector } from '../../../capture/codecs/dense-page.ts';
import { Random } from '../../support/random.ts';

/** By the definition: one word in so many is looked at, from the middle of the first stretch on. */
function lookedAt(page: Buffer, strideWords: number): { words: number; zeros: number } {
  const found = { words: 0, zeros: 0 };
  for (let word = (strideWords - 1) / 2; word * 4 < page.length; word += strideWords) {
    found.words++;
    if (page.readUInt32LE(word * 4) === 0) found.zeros++;
  }
  return found;
}

/** Pages in which about this share of the words are zero. */
function pageOf(random: Random, sizeBytes: number, zeroShare: number): Buffer {
  const page = random.bytes(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 4) if (random.chance(zeroShare)) page.fill(0, at, at + 4);
  return page;
}

const SHAPES = [4096, 16384, 65536].flatMap(sizeBytes =>
  [121, 63].map(stride => [sizeBytes, stride] as const),
);

test.each(SHAPES)('pages of %i bytes are dense by one word in %i', (sizeBytes, stride) => {
  const random = new Random(7);
  const seen = new Set<boolean>();
  for (const mostZeros of [0, 0.25]) {
    const detector = new DensePageDetector(sizeBytes, mostZeros, stride);
    for (const share of [0, 0.01, 0.2, 0.24, 0.25, 0.26, 0.3, 0.8, 1]) {
      for (let round = 0; round < 4; round++) {
        const page = pageOf(random, sizeBytes, share);
        const { words, zeros } = lookedAt(page, stride);
        const isDense = zeros <= mostZeros * words;
        expect(detector.isDense(page, 0)).toBe(isDense);
        seen.add(isDense);
      }
    }
  }
  expect(seen.size).toBe(2);
});

test('a page is the same wherever it lies', () => {
  const random = new Random(3);
  const detector = new DensePageDetector(4096, 0.25, 121);
  for (const share of [0.2, 0.25, 0.3]) {
    const page = pageOf(random, 4096, share);
    const expected = lookedAt(page, 121).zeros <= 2;
    for (const offset of [0, 1, 2, 3, 4, 6, 4096, 4099]) {
      const window = random.bytes(3 * 4096);
      page.copy(window, offset + 5);
      expect(detector.isDense(window.subarray(5), offset)).toBe(expected);
    }
  }
});
