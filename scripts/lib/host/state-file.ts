/** State that the host command keeps as JSON: read with a check of its shape, because a disk or an editor may have damaged it. */
import { SystemError } from '../../../capture/errors.ts';
import type { Host } from './host.ts';

export interface StateFile<T> {
  readonly path: string;
  /** What cannot be done without it: a verb and its object. */
  readonly action: string;
  /** What the file is when it is undamaged: a noun. */
  readonly wanted: string;
  /** What the reader can do in its place. */
  readonly toDo: string;
  isValid(value: unknown): value is T;
}

/** Undefined when there is none. @throws SystemError for a damaged one. */
export function readState<T>(
  host: Host,
  { path, action, wanted, toDo, isValid }: StateFile<T>,
): T | undefined {
  if (!host.exists(path)) return undefined;
  const value = parsed(host.read(path) ?? '');
  if (isValid(value)) return value;
  throw new SystemError('STATE_DAMAGED', { action, actual: `${path} is damaged`, wanted, toDo });
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object that is no array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(one => typeof one === 'string');
}
