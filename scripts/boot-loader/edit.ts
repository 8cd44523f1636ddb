/** Edits of a host's file that can be taken back. */
import type { Host } from '../host.ts';
import type { Edit, Undo } from './boot-loader.ts';

/** @param first the edit that this one follows, whose `before` counts. */
export function planEdit(host: Host, path: string, after: string, first: Edit | undefined): Edit {
  const before = first ? first.before : host.read(path);
  return before === undefined ? { path, after } : { path, before, after };
}

/** What the host had before the first of our changes. */
export function valueBefore(
  before: Undo | undefined,
  configured: () => string | undefined,
): Pick<Undo, 'valueBefore'> {
  const value = before ? before.valueBefore : configured();
  return value === undefined ? {} : { valueBefore: value };
}

/** Writes the file and has its readers told; when they fail, the file is as it was. */
export function applyEdit(host: Host, { path, after }: Edit, tell: () => void): void {
  const now = host.read(path);
  host.write(path, after);
  try {
    tell();
  } catch (error) {
    if (now === undefined) host.remove(path);
    else host.write(path, now);
    throw error;
  }
}

/**
 * Takes an edit back: the old bytes where nobody wrote since; else only what is ours goes.
 * @param takeOut the text without what is ours.
 */
export function undoEdit(host: Host, { path, before, after }: Edit, takeOut: (text: string) => string): void {
  const now = host.read(path);
  if (now === undefined) return;
  if (now !== after) host.write(path, takeOut(now));
  else if (before === undefined) host.remove(path);
  else host.write(path, before);
}
