/** The array of per-CPU areas, distinguished from other words of the kernel's data. */
import { expect, test } from 'vitest';
import { perCpuAreas } from '../../../capture/filter/per-cpu.ts';

const POINTERS = { lowestHigh: 0xff00_0000, imageHigh: 0xffff_ffff };
const AREAS = [0xff182ed8_bf400000n, 0xff182ed8_bf500000n];
const UNUSED = 0xffffffff_83a00000n;

function found(words: readonly bigint[], pageWords = words.length): bigint[] {
  const bytes = new Uint32Array(new BigUint64Array(words).buffer);
  const pages = function* () {
    for (let at = 0; at < bytes.length; at += 2 * pageWords) yield bytes.slice(at, at + 2 * pageWords);
  };
  return [...perCpuAreas(pages(), POINTERS, 4096)].map(
    ({ high, low }) => (BigInt(high) << 32n) + BigInt(low),
  );
}
const unused = (count: number) => Array<bigint>(count).fill(UNUSED);

test.each([
  ['of two CPUs', [7n, ...AREAS, ...unused(100), 7n], AREAS],
  ['of one CPU', [7n, AREAS[0], ...unused(100)], [AREAS[0]]],
  [
    'behind another pointer, which does not lead to the begin of a page',
    [AREAS[0] + 8n, AREAS[1], ...unused(16)],
    [AREAS[1]],
  ],
  ['behind a pointer into the image', [0xffffffff_82000000n, ...AREAS, ...unused(16)], AREAS],
  ['with the fewest unused entries', [...AREAS, ...unused(16)], AREAS],
  ['with one unused entry fewer', [...AREAS, ...unused(15), 7n], []],
  ['nothing, of the same pointer again and again', Array<bigint>(50).fill(AREAS[0]), []],
  ['with zeros behind them', [...AREAS, ...Array<bigint>(50).fill(0n)], []],
  ['nothing, of zeros', Array<bigint>(50).fill(0n), []],
])('%s', (_, words, areas) => {
  expect(found(words)).toEqual(areas);
  for (const pageWords of [1, 2, 3]) expect(found(words, pageWords)).toEqual(areas);
});
