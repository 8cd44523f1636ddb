/** Writes a flattened dump to standard output. */

import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { TargetError } from '../../../capture/errors.ts';
import { openFlattenedSink } from '../../../capture/kdump/format/flattened.ts';
import type { DumpSink } from '../../../capture/kdump/sink.ts';
import { pause } from '../../../capture/pause.ts';
import { UsageError } from '../cli/command.ts';

const STDOUT = 1;
const MS_BETWEEN_TRIES = 2;

/** @throws TargetError when writing fails; UsageError for a terminal. */
export async function withStandardOutput<T>(write: (sink: DumpSink) => Promise<T>): Promise<T> {
  if (isatty(STDOUT)) {
    throw new UsageError('TERMINAL', {
      action: 'write a flattened dump to standard output',
      actual: 'it is a terminal',
      wanted: 'a pipe or a file',
    });
  }
  // A stalled reader blocks our write and so our handling of Ctrl-C. There is no file to remove: let signals end the process.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeAllListeners(name);
  const sink = openFlattenedSink(append);
  const result = await write(sink);
  sink.end();
  return result;
}

function append(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(STDOUT, bytes, done, bytes.length - done);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      // The reader may have made the pipe non-blocking for both ends.
      if (code === 'EAGAIN' || code === 'EINTR') pause(MS_BETWEEN_TRIES);
      else {
        const actual = code === 'EPIPE' ? 'its reader is gone' : message;
        throw new TargetError(code ?? 'WRITE', { action: 'write to standard output', actual }, {}, { cause });
      }
    }
  }
}
