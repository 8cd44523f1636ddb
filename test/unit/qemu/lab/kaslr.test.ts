import { expect, test } from 'vitest';
import { wordsForReservation } from '../../../../qemu/lab/kaslr.ts';

test.each([
  // Seen on 6.1 and 5.10 with 400 MiB: "crashkernel reservation failed - No suitable area found."
  { memoryMib: 400, crashkernel: '192M', words: ['nokaslr'] },
  { memoryMib: 512, crashkernel: '192M', words: [] },
  { memoryMib: 512, crashkernel: '256M', words: ['nokaslr'] },
  { memoryMib: 1024, crashkernel: '196608K', words: [] },
  { memoryMib: 2048, crashkernel: '1G', words: ['nokaslr'] },
  { memoryMib: 400, crashkernel: '192M@64M', words: [] },
  { memoryMib: 400, crashkernel: '192M,high', words: [] },
])('$memoryMib MiB with crashkernel=$crashkernel: $words', ({ memoryMib, crashkernel, words }) => {
  expect(wordsForReservation(memoryMib, crashkernel)).toEqual(words);
});
