/** A search of the kernel's image goes on behind pages that the dump lacks. */
import { expect, test } from 'vitest';
import { occurrences } from '../../../capture/autopsy/image-scan.ts';
import type { KernelMemory } from '../../../capture/kernel/memory.ts';

const PAGE = 4096;
const START = 0xffff_ffff_8100_0123n;
const PAGES = 1024;
const WANTED = Buffer.from('0\x001\x002');

/** An image that lacks pages, counted from START's page on. */
function imageWithout(missing: readonly number[], at: number): KernelMemory {
  const bytes = Buffer.alloc(PAGES * PAGE);
  WANTED.copy(bytes, at);
  const base = START - (START % BigInt(PAGE));
  return {
    arch: { pageSizeBytes: PAGE },
    readVirtualUpTo(address: bigint, into: Uint8Array) {
      let done = 0;
      for (let from = Number(address - base); done < into.length && from < bytes.length; done++, from++) {
        if (missing.includes(Math.floor(from / PAGE))) break;
        into[done] = bytes[from]!;
      }
      return done;
    },
  } as unknown as KernelMemory;
}

test.each([
  ['no page missing', [], 700 * PAGE + 8],
  ['the first page missing', [0], PAGE],
  ['a page before it missing', [255, 300], 301 * PAGE],
  ['pages on both sides missing', [0, 1, 2, 699, 701], 700 * PAGE + 40],
] as const)('%s', (_, missing, at) => {
  const expected = START - (START % BigInt(PAGE)) + BigInt(at);
  expect([...new Set(occurrences(imageWithout(missing, at), START, WANTED))]).toEqual([expected]);
});
