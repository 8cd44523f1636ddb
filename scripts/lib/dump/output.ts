/**
 * The file that a dump is written to. If writing fails, the file stays, because its pages may be all that is left of the
 * crash; its header has the mark of an incomplete dump from the start. If the user interrupts, the file is removed.
 */
import { closeSync, constants, fstatSync, openSync, rmSync, statSync } from 'node:fs';
import { Failure, TargetError } from '../../../capture/errors.ts';
import type { DumpSink } from '../../../capture/kdump/sink.ts';
import { openFileSink } from '../../../capture/storage/place/file-sink.ts';
import { withStandardOutput } from './pipe.ts';
import type { DumpRequest } from './request.ts';
import { limitSink } from './size-limit.ts';
import { openSparseSink } from './sparse.ts';

export interface OutputChoice {
  readonly path: string;
  readonly force: boolean;
  /** Input files, which must not be overwritten. */
  readonly inputs: readonly string[];
  /** Undefined for no limit. */
  readonly sizeLimitBytes?: number;
}

/** Creates the file, calls `write` and closes the file. @throws TargetError, and what `write` throws. */
export async function withOutput<T>(
  choice: OutputChoice,
  signal: AbortSignal,
  write: (sink: DumpSink) => Promise<T>,
): Promise<T> {
  const { path, sizeLimitBytes } = choice;
  const fd = create(choice);
  try {
    const file = openFileSink(fd, path, { durable: false });
    const sparse = statusOf(fd).isFile ? openSparseSink(file, fd) : undefined;
    const sink = sparse ?? file;
    const result = await write(sizeLimitBytes === undefined ? sink : limitSink(sink, sizeLimitBytes));
    sparse?.finish();
    return result;
  } catch (error) {
    const { size: sizeBytes, isFile } = statusOf(fd);
    if (isFile && (signal.aborted || sizeBytes === 0)) rmSync(path, { force: true });
    else if (isFile) throw incomplete(path, error);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Writes to the target of the request: a file, standard output, or nothing. Returns what `write` returns. */
export function withTarget<T>(
  request: DumpRequest,
  signal: AbortSignal,
  write: (sink: DumpSink) => Promise<T>,
): Promise<T> {
  if (request.dryRun) return write({ writeAt: () => {}, sync: () => {} });
  if (request.flattened) return withStandardOutput(write);
  return withOutput({ ...choiceOf(request), path: request.outputs[0] }, signal, write);
}

/** The choice without the path. */
export function choiceOf({ vmcore, force, sizeLimitBytes }: DumpRequest): Omit<OutputChoice, 'path'> {
  return { force, inputs: [vmcore], sizeLimitBytes };
}

/** Creates several files before any of them is written. */
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
  const refuse = (actual: string, wanted?: string, cause?: unknown, toDo?: string): TargetError =>
    new TargetError('CREATE_FAILED', { action: `create ${path}`, actual, wanted, toDo }, {}, { cause });
  if (inputs.some(input => isSameFile(input, path))) {
    throw refuse('the same file is an input or another output', 'another name');
  }
  const { O_RDWR, O_CREAT, O_TRUNC, O_EXCL } = constants;
  try {
    return openSync(path, O_RDWR | O_CREAT | O_TRUNC | (force ? 0 : O_EXCL), 0o600);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw code === 'EEXIST'
      ? refuse('it exists', undefined, undefined, 'use -f to overwrite it')
      : refuse(message, undefined, cause);
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
    actual: 'writing failed',
    toDo: 'the file is marked incomplete; the pages in it may be readable',
  };
  return new TargetError(code, what, {}, { cause });
}
