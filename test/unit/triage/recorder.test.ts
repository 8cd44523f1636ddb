/** Which pages are read is noted, and the reading can be ended. */
import { expect, test } from 'vitest';
import { PageOrder } from '../../../capture/triage/page-order.ts';
import { PageRecorder } from '../../../capture/triage/recorder.ts';

const recorder = (onProgress = () => {}) =>
  new PageRecorder(new PageOrder(() => true, 1000), 4096, onProgress);
const all = (_: number, into: Uint8Array) => into.length;

test.each([
  [0x1000, 1, [1]],
  [0x1fff, 1, [1]],
  [0x1fff, 2, [1, 2]],
  [0x1000, 4096, [1]],
  [0x1000, 4097, [1, 2]],
  [0x1800, 8192, [1, 2, 3]],
])('%d, %d bytes', (paddr, lengthBytes, pfns) => {
  const found = recorder();
  expect(found.over(all)(paddr, new Uint8Array(lengthBytes))).toBe(lengthBytes);
  expect(found.into.pfns).toEqual(pfns);
});

test('a read that ends early is noted as far as it came', () => {
  const found = recorder();
  found.over(() => 16)(0x1ff8, new Uint8Array(8192));
  expect(found.into.pfns).toEqual([1, 2]);
});

test('what the progress throws fails all further reads', () => {
  const late = new Error('too late');
  const found = recorder(() => {
    throw late;
  });
  const read = found.over(all);
  expect(() => {
    for (let i = 0; i < 100_000; i++) read(0, new Uint8Array(8));
  }).toThrow(late);
  expect(() => read(0, new Uint8Array(8))).toThrow(late);
  expect(found.stopped).toBe(late);
});
