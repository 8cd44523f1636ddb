/** `kdumpling dump --split` and `--reassemble`. */
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { attempt, counted, DumpFormatError, describeError } from '../../../capture/errors.ts';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { type ReassembleCounts, reassembleSteps } from '../../../capture/kdump/combine/reassemble.ts';
import { splitPfns } from '../../../capture/kdump/combine/split.ts';
import { openKdumpFile } from '../../../capture/kdump/read/file.ts';
import { dumpSteps } from '../../../capture/kdump/write/writer.ts';
import { requireComplete } from './incomplete.ts';
import { CUT_STREAM, type InputDamage, inputDamage, listed } from './input-damage.ts';
import { openInput } from './input-file.ts';
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
  const ffi = attempt(openFfi, error => messages.warn(describeError(error)));
  const libc =
    ffi && maps
      ? attempt(
          () => openLibc(ffi),
          error => messages.warn(describeError(error)),
        )
      : undefined;
  const codecs = openPageCodecs(ffi);
  const parts = inputs.map(path => openInput(path, libc));
  const files = parts.map(({ source }) => openKdumpFile(source));
  const damages = files.map((file, i) => (parts[i]!.isCut ? CUT_STREAM : inputDamage(file, codecs)));
  const isInputDamaged = damages.some(({ count }) => count > 0);
  const [path] = outputs;
  const options = { codecs, isInputDamaged, onProgress: messages.progress };
  const counts = await withOutput({ path, force, inputs }, signal, sink =>
    runSteps(reassembleSteps(files, sink, options), signal),
  );
  messages.say(`${path}: ${counts.pagesDumped} pages; ${(counts.bytesWritten / 1e6).toFixed(1)} MB`);
  if (!counts.isIncomplete) return;
  throw new DumpFormatError('DUMP_INCOMPLETE', {
    action: `make a complete dump of ${inputs.join(', ')}`,
    actual: `${[...lackOf(counts), ...damages.flatMap((damage, i) => describeDamage(inputs[i]!, damage))].join('; ')}; ${path} is marked incomplete`,
  });
}

function lackOf({ pagesMissing, pagesDamaged }: ReassembleCounts): string[] {
  const damaged =
    pagesDamaged > 0 ? `, of which ${pagesDamaged} ${pagesDamaged === 1 ? 'is' : 'are'} damaged` : '';
  return [`they lack ${counted(pagesMissing, 'page')}${damaged}`];
}

function describeDamage(path: string, damage: InputDamage): string[] {
  return damage.count === 0 ? [] : [`${path} is damaged (${listed(damage)})`];
}
