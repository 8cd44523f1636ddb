/** `kdumpling dump --split` and `--reassemble`. */
import { counted, DumpFormatError, describeError } from '../../../capture/errors.ts';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { reassembleSteps } from '../../../capture/kdump/combine/reassemble.ts';
import { splitPfns } from '../../../capture/kdump/combine/split.ts';
import { openKdumpFile } from '../../../capture/kdump/read/file.ts';
import { dumpSteps } from '../../../capture/kdump/write/writer.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { requireComplete } from './incomplete.ts';
import { openKdumpInput } from './kdump.ts';
import type { Messages } from './messages.ts';
import { choiceOf, withOutput, withOutputs } from './output.ts';
import type { DumpRequest } from './request.ts';
import { runSteps } from './steps.ts';

export async function dumpSplit(
  request: DumpRequest,
  messages: Messages,
  signal: AbortSignal,
): Promise<void> {
  const { outputs } = request;
  const { eraseinfo, ...input } = openKdumpInput(request, messages);
  if (eraseinfo)
    messages.warn('the files of a split dump do not record what was erased from the input (eraseinfo)');
  const splitblockPages = request.splitblockBytes / input.vmcore.pageSizeBytes;
  const ranges = splitPfns(input.bitmap2, outputs.length, splitblockPages);
  const pagesTotal = input.bitmap2.count();
  let pagesBefore = 0;
  let pagesUnreadable = 0;
  const unreadable: number[] = [];
  try {
    await withOutputs({ ...choiceOf(request), paths: outputs }, signal, async sinks => {
      for (const [i, pfns] of ranges.entries()) {
        const onProgress = (pagesDone: number) => messages.progress(pagesBefore + pagesDone, pagesTotal);
        const steps = dumpSteps({ ...input, pfns }, sinks[i], { onProgress, onWarning: messages.warn });
        const { counts, unreadablePfns } = await runSteps(steps, signal);
        pagesBefore += counts.pagesDumped;
        pagesUnreadable += counts.pagesUnreadable;
        unreadable.push(...unreadablePfns);
        messages.say(
          `${outputs[i]}: pages ${pfns.start} to ${pfns.end}, ${counts.pagesDumped - counts.pagesZero} kept; ` +
            `${(counts.bytesWritten / 1e6).toFixed(1)} MB`,
        );
      }
    });
  } finally {
    input.codec.close();
  }
  requireComplete(request, input, { pagesUnreadable, unreadablePfns: unreadable });
}

export async function reassembleDump(
  request: DumpRequest,
  messages: Messages,
  signal: AbortSignal,
): Promise<void> {
  const { outputs, inputs, force, maps } = request;
  const libc = maps ? openLibcOrWarn(messages) : undefined;
  const files = inputs.map(path => openKdumpFile(openVmcoreFile(path, libc)));
  const [path] = outputs;
  const counts = await withOutput({ path, force, inputs }, signal, sink =>
    runSteps(reassembleSteps(files, sink, messages.progress), signal),
  );
  messages.say(`${path}: ${counts.pagesDumped} pages; ${(counts.bytesWritten / 1e6).toFixed(1)} MB`);
  if (!counts.isIncomplete) return;
  throw new DumpFormatError('DUMP_INCOMPLETE', {
    action: `make a complete dump of ${inputs.join(', ')}`,
    actual: `they lack ${counted(counts.pagesMissing, 'page')}; ${path} is marked incomplete`,
  });
}

function openLibcOrWarn(messages: Messages) {
  try {
    return openLibc(openFfi());
  } catch (error) {
    messages.warn(describeError(error));
    return undefined;
  }
}
