/** `kdumpling dump` to the kdump-compressed format. */
import { realpathSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Codec } from '../../../capture/codecs/codec.ts';
import { type CodecChoice, openCodecOrFallback } from '../../../capture/codecs/open.ts';
import { describeError } from '../../../capture/errors.ts';
import { openBitmapMemory, storeInDirectory } from '../../../capture/ffi/file-memory.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import type { Bitmap } from '../../../capture/filter/bitmap.ts';
import { describeDumpLevel } from '../../../capture/filter/dump-level.ts';
import type { SampledDump } from '../../../capture/kdump/write/first-pages.ts';
import { choosePages } from '../../../capture/kdump/write/input.ts';
import { type DumpCounts, type DumpInput, dumpSteps } from '../../../capture/kdump/write/writer.ts';
import type { ThreadInput } from '../../../capture/threads/plan-work.ts';
import type { Threads } from '../../../capture/threads/threads.ts';
import { TRIAGE_CODEC } from '../../../capture/triage/codec.ts';
import type { Vmcore } from '../../../capture/vmcore/open.ts';
import { type Shortfall, shortfallOf } from '../../../capture/vmcore/shortfall.ts';
import { openCrashFile } from './crash-file.ts';
import { type InputState, isIncomplete, requireComplete } from './incomplete.ts';
import type { Messages } from './messages.ts';
import { withTarget } from './output.ts';
import { type DumpRequest, nameOfTarget } from './request.ts';
import { runSteps } from './steps.ts';
import { dependsOnPages, pagesToCompress, threadsAtOnce, threadsForPages } from './threads-that-pay.ts';

export async function dumpKdump(
  request: DumpRequest,
  messages: Messages,
  signal: AbortSignal,
  narrow: NarrowPages = keepAll,
): Promise<void> {
  const { threads: asked, codec: codecName } = request;
  const vmcoreBytes = statSync(request.vmcore, { throwIfNoEntry: false })?.size ?? 0;
  const cpus = availableParallelism();
  let threads = await startIfSeveral(asked ?? threadsAtOnce(vmcoreBytes, cpus));
  let codec: Codec | undefined;
  const events = { onProgress: messages.progress, onWarning: messages.warn };
  try {
    const opened = openKdumpInput(request, messages, narrow);
    codec = opened.codec;
    const isOpen = asked === undefined && !threads && opened.isVmcore;
    if (isOpen && dependsOnPages(vmcoreBytes, cpus)) {
      const pages = pagesToCompress(opened);
      threads = await startIfSeveral(threadsForPages(pages, codecName, vmcoreBytes, cpus));
    }
    // The pages of a dump are read through one decompressor, so threads only help with a vmcore.
    const isShared = opened.isVmcore && opened.isPlain;
    const input =
      threads && isShared
        ? { ...opened, feed: threads.feed(threadInput(request, messages), opened) }
        : opened;
    if (input.feed) messages.debug(`${threads?.count} threads compress`);
    const { counts, unreadablePfns } = await withTarget(request, signal, sink =>
      runSteps(dumpSteps(input, sink, events), signal),
    );
    messages.say(`${nameOfTarget(request)}: ${summarize(counts, input)}`);
    messages.report(JSON.stringify(counts));
    requireComplete(request, opened, { ...counts, unreadablePfns });
  } finally {
    threads?.close();
    codec?.close();
  }
}

/** Loaded only if needed: Node's module for threads takes as long to load as a small dump takes to make. */
async function startIfSeveral(wished: number): Promise<Threads | undefined> {
  const count = Math.min(wished, availableParallelism());
  if (count < 2) return undefined;
  return (await import('../../../capture/threads/threads.ts')).startThreads(threadProgram(), count);
}

/** Beside the bundle; without a bundle, the source file. */
function threadProgram(): string | URL {
  if (import.meta.url) return new URL('../../../capture/threads/main.ts', import.meta.url);
  return join(dirname(realpathSync(process.argv[1])), 'dump-thread.js');
}

/** Large enough to make system calls cheap. */
const BATCH_BYTES = 2 << 20;

function threadInput({ vmcore, maps, codec }: DumpRequest, messages: Messages): ThreadInput {
  return {
    vmcore,
    maps,
    codec,
    batchBytes: BATCH_BYTES,
    onAlone: reason => messages.warn(`one thread makes the rest of the dump: ${reason}`),
  };
}

export interface KdumpInput extends DumpInput, InputState {
  readonly vmcore: Vmcore;
  /** For further bitmaps of the same size. */
  readonly allocate: (sizeBytes: number) => Uint8Array;
  /** False for a dump that is filtered again. */
  readonly isVmcore: boolean;
  /** Threads can read the file themselves. */
  readonly isPlain: boolean;
}

/** Of the pages that the dump level keeps, those that the request asks for; undefined for all. */
export type NarrowPages = (
  request: DumpRequest,
  dump: SampledDump,
  bitmap2: Bitmap,
  messages: Messages,
  allocate: KdumpInput['allocate'],
) => Bitmap | undefined;

const keepAll: NarrowPages = () => undefined;

/** Opens the vmcore and the codec, and chooses the pages. */
export function openKdumpInput(
  request: DumpRequest,
  messages: Messages,
  narrow: NarrowPages = keepAll,
): KdumpInput {
  const opened = openCrashFile(request, messages);
  const { crash, facts, ffi, libc, dumpLevelBefore, isVmcore, isPlain, damage } = opened;
  // Classes that were left out already are not looked for again: finding none of them is normal.
  const onDegraded = (cause: unknown) => messages.warn(describeError(cause));
  const { allocate } = openBitmapMemory(libc, storeInDirectory(folderOf(request)), onDegraded);
  const choice = choosePages(crash, request.dumpLevel & ~dumpLevelBefore, { allocate });
  const { bitmap2, warnings, lacksMemory } = choice;
  const shortfall = shortfallOf(crash.vmcore, bitmap2.sizeBits);
  leaveOutPartialPages(crash.vmcore, shortfall, bitmap2);
  const state: InputState = { shortfall, pagesMissingBefore: opened.pagesMissing, damage, lacksMemory };
  const dumpLevel = choice.dumpLevel | dumpLevelBefore;
  if ((dumpLevelBefore & ~request.dumpLevel) !== 0) {
    messages.say(`dump level is ${dumpLevel}, because that of ${request.vmcore} is ${dumpLevelBefore}`);
  }
  for (const warning of warnings) messages.warn(warning);
  const codec = openCodecOrFallback(
    () => ffi ?? openFfi(),
    { ...codecOf(request), pageSizeBytes: crash.vmcore.pageSizeBytes },
    (fallback, cause) =>
      messages.warn(
        `compressing with ${fallback.name} by ${fallback.implementation}: ${describeError(cause)}`,
      ),
  );
  messages.debug(`dump level ${describeDumpLevel(dumpLevel)}, ${codec.name} by ${codec.implementation}`);
  const dump = { vmcore: crash.vmcore, dumpLevel, codec };
  const narrowed = narrow(request, dump, bitmap2, messages, allocate);
  return {
    ...facts,
    ...state,
    vmcore: crash.vmcore,
    allocate,
    bitmap2: narrowed ?? bitmap2,
    bitmap1: narrowed ? 'nearKept' : 'whole',
    dumpLevel,
    codec,
    digestAlgorithm: 'none',
    isVmcore,
    isPlain,
    unreadableAs: 'missing',
    isInputIncomplete: isIncomplete(state),
  };
}

function codecOf({ triage, codec: name }: DumpRequest): Pick<CodecChoice, 'name' | 'level'> {
  return triage !== 'no' && name === TRIAGE_CODEC.name ? TRIAGE_CODEC : { name };
}

/** The file of a cut vmcore ends within a page, which must not pass for a whole one with zeros at its end. */
export function leaveOutPartialPages(
  { segments, pageSizeBytes }: Pick<Vmcore, 'segments' | 'pageSizeBytes'>,
  { ranges }: Shortfall,
  bitmap2: Bitmap,
): void {
  for (const { start } of ranges) {
    const isHeld = segments.fileRunBytes(start * pageSizeBytes) >= pageSizeBytes;
    if (bitmap2.has(start) && !isHeld) bitmap2.clear(start);
  }
}

/** A folder with room for a dump has room for its bitmap. */
function folderOf({ dryRun, flattened, outputs }: DumpRequest): string {
  return dryRun || flattened || outputs.length === 0 ? tmpdir() : dirname(outputs[0]);
}

export function summarize(counts: DumpCounts, { vmcore, codec }: DumpInput): string {
  const { pagesDumped, pagesPresent, pagesZero, pagesMissing, bytesWritten } = counts;
  const percent = ((100 * bytesWritten) / (pagesPresent * vmcore.pageSizeBytes)).toFixed(1);
  return (
    `${pagesDumped - pagesZero - pagesMissing} of ${pagesPresent} pages, ${codec.name === 'none' ? 'not compressed' : codec.name}; ` +
    `${(bytesWritten / 1e6).toFixed(1)} MB, ${percent} % of memory`
  );
}
