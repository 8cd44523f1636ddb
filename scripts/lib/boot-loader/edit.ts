/** Changes of a host's files, by our own writes or by the host's commands, that can be undone. */
import { chmodSync, chownSync, statSync } from 'node:fs';
import { type CrashkernelValues, replaceCrashkernel } from '../crashkernel/words.ts';
import type { Host } from '../host/host.ts';
import type { Edit, FileState, Undo } from './boot-loader.ts';

/** What the host had before ours: also when somebody set other values since. */
export function valuesBefore(
  before: Undo | undefined,
  configured: CrashkernelValues,
): Pick<Undo, 'valuesBefore'> {
  const isOurs = before !== undefined && before.values.join() === configured.join();
  return { valuesBefore: isOurs ? before.valuesBefore : configured };
}

/**
 * The files as they are to come back.
 * @param before an earlier change, whose beginning counts. A file that came since can have inherited what was set.
 * @param values the host's own, in place of ours where others wrote since.
 */
export function planEdits(
  host: Host,
  paths: readonly string[],
  before: Undo | undefined,
  values: CrashkernelValues,
): Edit[] {
  return paths.map(path => {
    const first = before?.edits?.find(edit => edit.path === path) ?? { path };
    const now = stateOf(host, path);
    const state = now === undefined || !before ? now : stateUndone(now, first, values);
    return state === undefined ? { path } : { path, before: state };
  });
}

/** Makes the change, and records what the files are then. @throws what `change` throws; then they are as they were. */
export function changeFiles(host: Host, plan: Undo, change: () => void): Undo {
  const edits = plan.edits ?? [];
  const states = edits.map(({ path }) => [path, stateOf(host, path)] as const);
  try {
    change();
  } catch (error) {
    for (const [path, state] of states) putBack(host, path, state);
    throw error;
  }
  return { ...plan, edits: edits.map(edit => withAfter(edit, host.read(edit.path))) };
}

/** @param change takes out what is ours; what nobody else wrote in since then comes back byte for byte. */
export function undoFiles(host: Host, { edits = [] }: Undo, change: () => void): void {
  const ours = edits.filter(({ path, after }) => after !== undefined && host.read(path) === after);
  change();
  for (const { path, before } of ours) putBack(host, path, before);
}

/** What a file is to be when an edit is undone: its old bytes where nobody wrote since; undefined for no file. */
function stateUndone(
  now: FileState,
  { before, after }: Edit,
  values: CrashkernelValues,
): FileState | undefined {
  return now.text === after ? before : { ...now, text: replaceCrashkernel(now.text, values) };
}

function withAfter(edit: Edit, text: string | undefined): Edit {
  return text === undefined ? edit : { ...edit, after: text };
}

function stateOf(host: Host, path: string): FileState | undefined {
  const text = host.read(path);
  if (text === undefined) return undefined;
  const { mode, uid, gid } = statSync(host.path(path));
  return { text, mode: mode & 0o7777, uid, gid };
}

/** The host's own commands may have made the file anew, with other rights. @param state undefined to remove the file. */
function putBack(host: Host, path: string, state: FileState | undefined): void {
  if (state === undefined) {
    host.remove(path);
    return;
  }
  if (host.read(path) !== state.text) host.write(path, state.text, state.mode);
  const file = host.path(path);
  const now = statSync(file);
  if (now.uid !== state.uid || now.gid !== state.gid) chownSync(file, state.uid, state.gid);
  if ((now.mode & 0o7777) !== state.mode) chmodSync(file, state.mode);
}
