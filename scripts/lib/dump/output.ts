/**
 * The file that a dump goes to. A dump that fails stays, because its pages may be all there is, with the mark of an
 * incomplete one that its header had from the start; one that is interrupted is removed.
 */
import { closeSync, constants, fstatSync, openSync, rmSync, statSync } from 'node:fs';
import { Failure, TargetError } from '../../../capture/errors.ts';
import type { DumpSink } from '../../../capture/kdump/sink.ts';
import { openFileSink } from '../../../capture/storage/place/file-sink.ts';
import { withStandardOutput } from './pipe.ts';
import type { DumpRequest } from './request.ts';
import { limitSink } from './size-limit.ts';

export interface OutputChoice {
  readonly path: string;
  readonly force: boolean;
  /** Files that are read: to overwrite one would lose it. */
  readonly inputs: readonly string[];
  /** Undefined for as large as it gets. */
  readonly sizeLimitBytes?: number;
}

/** Creates the file, has it written and closes it. @throws TargetError, and what `write` throws. */
export async function withOutput<T>(
  choice: OutputChoice,
  signal: AbortSignal,
  write: (sink: DumpSink) => Promise<T>,
): Promise<T> {
  const { path, sizeLimitBytes } = choice;
  const fd = create(choice);
  try {
    const sink = openFileSink(fd, path, { durable: false });
    return await write(sizeLimitBytes === undefined ? sink : limitSink(sink, sizeLimitBytes));
  } catch (error) {
    const { size: sizeBytes, isFile } = statusOf(fd);
    if (isFile && (signal.aborted || sizeBytes === 0)) rmSync(path, { force: true });
    else if (isFile) throw incomplete(path, error);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Where a request wants its one dump: a file, standard output, or nowhere. Returns what `write` returns. */
export function withTarget<T>(
  request: DumpRequest,
  signal: AbortSignal,
  write: (sink: DumpSink) => Promise<T>,
): Promise<T> {
  if (request.dryRun) return write({ writeAt: () => {}, sync: () => {} });
  if (request.flattened) return withStandardOutput(write);
  return withOutput({ ...choiceOf(request), path: request.outputs[0] }, signal, write);
}

/** But for the path. */
export function choiceOf({ vmcore, force, sizeLimitBytes }: DumpRequest): Omit<OutputChoice, 'path'> {
  return { force, inputs: [vmcore], sizeLimitBytes };
}

/** Several files that are created before any is written. */
export function withOutputs<T>(
  { paths, ...choice }: Omit<OutputChoice, 'path'> & { readonly paths: readonly string[] },
  signal: AbortSignal,
  write: (sinks: readonly DumpSink[]) => Promise<T>,
): Promise<T> {
  const [path, ...more] = paths;
  if (path === undefined) return write([]);
  return withOutput({ ...choice, path }, signal, sink =>
    withOutputs({ ...choice, inputs: [...choice.inputs, path], paths: more }, signal, sinks =>
      write([sink, ...sinks]),
    ),
  );
}

function create({ path, force, inputs }: OutputChoice): number {
  const refuse = (actual: string, wanted?: string, cause?: unknown): TargetError =>
    new TargetError('CREATE_FAILED', { action: `create ${path}`, actual, wanted }, {}, { cause });
  if (inputs.some(input => isSameFile(input, path))) {
    throw refuse('it is a file of this dump already', 'wanted: another name');
  }
  const { O_RDWR, O_CREAT, O_TRUNC, O_EXCL } = constants;
  try {
    return openSync(path, O_RDWR | O_CREAT | O_TRUNC | (force ? 0 : O_EXCL), 0o600);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw code === 'EEXIST' ? refuse('it exists', '-f overwrites it') : refuse(message, undefined, cause);
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map(path => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

function statusOf(fd: number): { size: number; isFile: boolean } {
  const status = fstatSync(fd);
  return { size: status.size, isFile: status.isFile() };
}

function incomplete(path: string, cause: unknown): Failure {
  const code = cause instanceof Failure ? cause.code : 'DUMP_FAILED';
  const what = {
    action: `finish ${path}`,
    actual: 'it is incomplete, and marked so',
    wanted: 'what was written may be readable',
  };
  return new TargetError(code, what, {}, { cause });
}
