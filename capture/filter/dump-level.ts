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
 * The level that `-d` names. makedumpfile also takes a list, whose first is the wish and the rest are for when it does
 * not fit; the list is the caller's to split.
 */
export function parseDumpLevel(text: string): number {
  const level = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(level <= MAX_DUMP_LEVEL)) {
    throw new DumpFormatError('DUMP_LEVEL_INVALID', {
      action: 'take the dump level',
      actual: `"${text}" is none`,
      wanted: `a number from 0 to ${MAX_DUMP_LEVEL}`,
    });
  }
  return level;
}

/** Whether a class of the level is told by the memmap. Zero pages are not: they are found when they are read. */
export function needsMemmap(level: number): boolean {
  return (level & ~DUMP_LEVEL_ZERO) !== 0;
}

/** For a log line: "31 (without zero, …, free pages)". */
export function describeDumpLevel(level: number): string {
  const names = EXCLUDED_CLASSES.filter(({ bit }) => (level & bit) !== 0).map(({ name }) => name);
  return names.length === 0 ? `${level} (every page)` : `${level} (without ${names.join(', ')} pages)`;
}
