/** The dump level: which classes of pages a dump leaves out (makedumpfile(8), option -d). */
import { DumpFormatError } from '../errors.ts';

const EXCLUDED_CLASSES: readonly { readonly bit: number; readonly name: string }[] = [
  { bit: 1, name: 'zero' },
  { bit: 2, name: 'non-private cache' },
  { bit: 4, name: 'private cache' },
  { bit: 8, name: 'user data' },
  { bit: 16, name: 'free' },
];

export const DUMP_LEVEL_ZERO = 1;
export const MAX_DUMP_LEVEL = 31;

/**
 * One level of `-d`. makedumpfile also takes a list of them, to be tried in turn until the dump fits; the caller splits it.
 */
export function parseDumpLevel(text: string): number {
  const level = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(level <= MAX_DUMP_LEVEL)) {
    throw new DumpFormatError('DUMP_LEVEL_INVALID', {
      action: 'use the dump level',
      actual: `it is "${text}"`,
      wanted: `a number from 0 to ${MAX_DUMP_LEVEL}`,
    });
  }
  return level;
}

/** Whether the level leaves out a class that only the memmap shows. Zero pages are found when they are read. */
export function needsMemmap(level: number): boolean {
  return (level & ~DUMP_LEVEL_ZERO) !== 0;
}

/** For a log line: "31 (without zero, …, free pages)". */
export function describeDumpLevel(level: number): string {
  const names = EXCLUDED_CLASSES.filter(({ bit }) => (level & bit) !== 0).map(({ name }) => name);
  return names.length === 0 ? `${level} (every page)` : `${level} (without ${names.join(', ')} pages)`;
}
