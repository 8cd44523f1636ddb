/** `kdumpling dump -R OUT`: turns a flattened dump on standard input into a file. */
import type { Readable } from 'node:stream';
import { DumpFormatError } from '../../../capture/errors.ts';
import { type Rearranged, rearrange } from '../../../capture/kdump/combine/rearrange.ts';
import type { DumpSink } from '../../../capture/kdump/sink.ts';
import { UsageError } from '../cli/command.ts';
import type { Messages } from './messages.ts';
import { withOutput } from './output.ts';
import type { DumpRequest } from './request.ts';

export async function rearrangeDump(
  request: DumpRequest,
  messages: Messages,
  signal: AbortSignal,
  input: Readable = process.stdin,
): Promise<void> {
  if ('isTTY' in input && input.isTTY) {
    throw new UsageError('TERMINAL', {
      action: 'read a flattened dump from standard input',
      actual: 'it is a terminal',
      toDo: 'run kdumpling dump -R OUT < FILE',
    });
  }
  const [path] = request.outputs;
  const { sizeBytes, isIncomplete } = await withOutput(
    { path, force: request.force, inputs: [] },
    signal,
    sink => rearrangeStream(input, sink, signal),
  );
  messages.say(`${path}: ${(sizeBytes / 1e6).toFixed(1)} MB`);
  if (!isIncomplete) return;
  throw new DumpFormatError('DUMP_INCOMPLETE', {
    action: `make ${path} a complete dump`,
    actual: 'the dump in the stream is marked incomplete, and so is the file',
  });
}

async function rearrangeStream(input: Readable, sink: DumpSink, signal: AbortSignal): Promise<Rearranged> {
  const rearranger = rearrange(sink);
  rearranger.next();
  const stop = () => input.destroy(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const piece of input) {
      const step = rearranger.next(piece as Uint8Array);
      if (step.done) return step.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
  for (;;) {
    const step = rearranger.next(undefined);
    if (step.done) return step.value;
  }
}
