/** Changes of a host's files, by our own writes or by a command of the host's, that can be taken back. */
import type { Host } from '../host/host.ts';
import { type Edit, replaceCrashkernel, type Undo } from './boot-loader.ts';

/** What the host had before ours: also when somebody set another value since. */
export function valueBefore(
  before: Undo | undefined,
  configured: string | undefined,
): Pick<Undo, 'valueBefore'> {
  const value = before?.value === configured ? before?.valueBefore : configured;
  return value === undefined ? {} : { valueBefore: value };
}

/**
 * The files as they are to come back.
 * @param before an earlier change, whose beginning counts. A file that came since can have inherited what was set.
 * @param value the host's own, in place of ours where others wrote since; undefined for none.
 */
export function planEdits(
  host: Host,
  paths: readonly string[],
  before: Undo | undefined,
  value: string | undefined,
): Edit[] {
  return paths.map(path => {
    const first = before?.edits?.find(edit => edit.path === path) ?? { path };
    const now = host.read(path);
    const text = now === undefined || !before ? now : textUndone(now, first, value);
    return text === undefined ? { path } : { path, before: text };
  });
}

/** Makes the change, and notes what the files are then. @throws what `change` throws; then they are as they were. */
export function changeFiles(host: Host, plan: Undo, change: () => void): Undo {
  const edits = plan.edits ?? [];
  const texts = edits.map(({ path }) => [path, host.read(path)] as const);
  try {
    change();
  } catch (error) {
    for (const [path, text] of texts) putBack(host, path, text);
    throw error;
  }
  return { ...plan, edits: edits.map(edit => withAfter(edit, host.read(edit.path))) };
}

/** @param change takes out what is ours; what nobody else wrote in meanwhile then comes back byte for byte. */
export function undoFiles(host: Host, { edits = [] }: Undo, change: () => void): void {
  const ours = edits.filter(({ path, after }) => after !== undefined && host.read(path) === after);
  change();
  for (const { path, before } of ours) putBack(host, path, before);
}

/** What a file is to be when an edit is undone: its old bytes where nobody wrote since; undefined for no file. */
function textUndone(now: string, { before, after }: Edit, value: string | undefined): string | undefined {
  return now === after ? before : replaceCrashkernel(now, value);
}

function withAfter(edit: Edit, text: string | undefined): Edit {
  return text === undefined ? edit : { ...edit, after: text };
}

/** @param text undefined to remove the file. */
function putBack(host: Host, path: string, text: string | undefined): void {
  if (text === undefined) host.remove(path);
  else if (host.read(path) !== text) host.write(path, text);
}
