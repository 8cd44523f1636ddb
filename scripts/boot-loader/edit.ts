/** Edits of a host's file that can be taken back. */
import type { Host } from '../host.ts';
import type { Edit } from './boot-loader.ts';

/** Writes `after` and says how to take it back. @param first the edit that this one follows, whose `before` counts. */
export function editFile(host: Host, path: string, after: string, first: Edit | undefined): Edit {
  const before = first ? first.before : host.read(path);
  host.write(path, after);
  return before === undefined ? { path, after } : { path, before, after };
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
