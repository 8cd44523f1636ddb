/**
 * Pages that the first kernel marked as broken memory (PG_hwpoison) must not be in the dump: reading them can raise a
 * machine check. Their neighbours must be there, which shows that the dump covers that memory. libkdumpfile judges.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readablePages } from '../judges/readable.ts';
import type { Expectation } from './check.ts';

const PAGE_BYTES = 4096;
const POISONED = /^lab: poisoned 0x([0-9a-f]+) (.+)$/;

/** @param count how many pages the first kernel poisons. */
export function poisonedPagesAbsent(count: number): Expectation {
  return async ({ lines, dumps }, judges) => {
    const poisoned = lines.flatMap(({ text }) => {
      const match = POISONED.exec(text);
      return match ? [{ pfn: Number.parseInt(match[1], 16) / PAGE_BYTES, where: match[2] }] : [];
    });
    const made = {
      what: `the first kernel poisoned ${count} pages`,
      holds: poisoned.length === count,
      saw: poisoned.map(({ where }) => where).join(', ') || 'no page',
    };
    const vmcore = join(dumps[0] ?? '', 'vmcore');
    if (!made.holds || !existsSync(vmcore)) return [{ ...made, holds: false }];
    const pfns = poisoned.flatMap(({ pfn }) => [pfn, pfn + 1]);
    const readable = await readablePages(await judges.tool('libkdumpfile'), vmcore, pfns);
    return [
      made,
      ...poisoned.map(({ pfn, where }) => ({
        what: `the poisoned page ${where} is not in the dump, the page after it is`,
        holds: !readable.has(pfn) && readable.has(pfn + 1),
        saw: [pfn, pfn + 1]
          .map(page => `pfn 0x${page.toString(16)} ${readable.has(page) ? 'is in it' : 'is not in it'}`)
          .join(', '),
      })),
    ];
  };
}
