/** Which pages are read is noted, and how many reads there may be is bounded. */
import { expect, test } from 'vitest';
import { PageOrder } from '../../../capture/triage/page-order.ts';
import { PageRecorder } from '../../../capture/triage/recorder.ts';

const recorder = (limits: Partial<ConstructorParameters<typeof PageRecorder>[2]> = {}) =>
  new PageRecorder(new PageOrder(() => true, 1000), 4096, { mostReads: 1 << 20, ...limits });
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

test('too many reads: that one fails, and all after it', () => {
  const found = recorder({ mostReads: 20_000 });
  const read = found.over(all);
  let reads = 0;
  const some = () => {
    for (; reads < 100_000; reads++) read(0, new Uint8Array(8));
  };
  expect(some).toThrow('20000 reads of memory were not enough');
  expect(reads).toBeLessThan(40_000);
  expect(() => read(0, new Uint8Array(8))).toThrow(expect.objectContaining({ code: 'TRIAGE_READS' }));
  expect(found.stopped).toMatchObject({ code: 'TRIAGE_READS' });
});

test('what the progress throws fails all further reads', () => {
  const late = new Error('too late');
  const found = recorder({
    onProgress() {
      throw late;
    },
  });
  const read = found.over(all);
  expect(() => {
    for (let i = 0; i < 100_000; i++) read(0, new Uint8Array(8));
  }).toThrow(late);
  expect(() => read(0, new Uint8Array(8))).toThrow(late);
  expect(found.stopped).toBe(late);
});
