/** The record of what `enable` changed, as JSON: of this version, and of 0.1.0. */
import { isRecord, isTextList } from '../host/state-file.ts';
import type { FileState, Undo } from './boot-loader.ts';

export interface Done {
  /** The boot loader's name. */
  readonly loader: string;
  readonly undo: Undo;
}

/** As 0.1.0 wrote it: one value, and files without their rights. */
interface OldUndo {
  readonly value: string;
  readonly valueBefore?: string;
  readonly edits?: readonly { readonly path: string; readonly before?: string; readonly after?: string }[];
}

export interface UndoRecord {
  readonly loader: string;
  readonly undo: Undo | OldUndo;
}

export function isUndoRecord(value: unknown): value is UndoRecord {
  return isRecord(value) && typeof value.loader === 'string' && (isUndo(value.undo) || isOldUndo(value.undo));
}

export function doneOf({ loader, undo }: UndoRecord): Done {
  return { loader, undo: 'values' in undo ? undo : fromOld(undo) };
}

function isUndo(value: unknown): value is Undo {
  return (
    isRecord(value) &&
    isTextList(value.values) &&
    isTextList(value.valuesBefore) &&
    areEdits(value.edits, isFileState)
  );
}

function isOldUndo(value: unknown): value is OldUndo {
  return (
    isRecord(value) &&
    typeof value.value === 'string' &&
    isTextOrAbsent(value.valueBefore) &&
    areEdits(value.edits, before => typeof before === 'string')
  );
}

function areEdits(value: unknown, isBefore: (before: unknown) => boolean): boolean {
  if (value === undefined) return true;
  const isEdit = (edit: unknown) =>
    isRecord(edit) &&
    typeof edit.path === 'string' &&
    (edit.before === undefined || isBefore(edit.before)) &&
    isTextOrAbsent(edit.after);
  return Array.isArray(value) && value.every(isEdit);
}

function isFileState(value: unknown): value is FileState {
  if (!isRecord(value) || typeof value.text !== 'string') return false;
  return [value.mode, value.uid, value.gid].every(one => Number.isInteger(one) && Number(one) >= 0);
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function fromOld({ value, valueBefore, edits = [] }: OldUndo): Undo {
  const rights = { mode: 0o644, uid: 0, gid: 0 };
  return {
    values: [value],
    valuesBefore: valueBefore === undefined ? [] : [valueBefore],
    edits: edits.map(({ before, ...edit }) =>
      before === undefined ? edit : { ...edit, before: { text: before, ...rights } },
    ),
  };
}
