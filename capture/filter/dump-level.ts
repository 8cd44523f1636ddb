/** The dump level: which classes of pages a dump leaves out (makedumpfile(8), option -d). */
import { DumpFormatError } from '../errors.ts';

export interface ExcludedClass {
  readonly bit: number;
  readonly name: string;
  /** False while the filter cannot tell these pages yet. */
  readonly supported: boolean;
}

export const EXCLUDED_CLASSES: readonly ExcludedClass[] = [
  { bit: 1, name: 'zero', supported: true },
  { bit: 2, name: 'non-private cache', supported: false },
  { bit: 4, name: 'private cache', supported: false },
  { bit: 8, name: 'user data', supported: false },
  { bit: 16, name: 'free', supported: false },
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

/** @throws DumpFormatError for a level whose pages the filter cannot tell, naming the classes. */
export function requireSupportedDumpLevel(level: number): void {
  const missing = EXCLUDED_CLASSES.filter(({ bit, supported }) => (level & bit) !== 0 && !supported);
  if (missing.length === 0) return;
  throw new DumpFormatError(
    'DUMP_LEVEL_UNSUPPORTED',
    {
      action: `leave out ${missing.map(({ name }) => name).join(', ')} pages`,
      actual: 'this version cannot tell them from the rest',
      wanted: `a dump level of ${supportedLevels().join(' or ')}`,
    },
    { dump_level: level },
  );
}

/** The classes of `level` that the filter can tell: a capture keeps more rather than nothing. */
export function supportedPart(level: number): number {
  return EXCLUDED_CLASSES.reduce((bits, { bit, supported }) => (supported ? bits | (level & bit) : bits), 0);
}

/** Levels 0 and 1 ask nothing of the crashed kernel's memory; zero pages are found when they are read. */
export function needsMemmap(level: number): boolean {
  return (level & ~DUMP_LEVEL_ZERO) !== 0;
}

/** For a log line: "31 (without zero, …, free pages)". */
export function describeDumpLevel(level: number): string {
  const names = EXCLUDED_CLASSES.filter(({ bit }) => (level & bit) !== 0).map(({ name }) => name);
  return names.length === 0 ? `${level} (every page)` : `${level} (without ${names.join(', ')} pages)`;
}

function supportedLevels(): number[] {
  const mask = EXCLUDED_CLASSES.reduce((bits, { bit, supported }) => (supported ? bits | bit : bits), 0);
  return Array.from({ length: MAX_DUMP_LEVEL + 1 }, (_, level) => level).filter(
    level => (level & ~mask) === 0,
  );
}
