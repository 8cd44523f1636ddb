/** A thread that compresses: takes the next batch that nobody has, until there is none. A program of its own. */
import { parentPort } from 'node:worker_threads';
import { describeError } from '../../capture/errors.ts';
import { openCodecOrFallback } from '../../capture/ffi/codecs.ts';
import { openLibc } from '../../capture/ffi/libc.ts';
import { type Ffi, openFfi } from '../../capture/ffi/library.ts';
import { Bitmap } from '../../capture/filter/bitmap.ts';
import { BatchFiller } from '../../capture/kdump/page-batch.ts';
import { dumpablePages } from '../../capture/kdump/page-loop.ts';
import { finish } from '../../capture/kdump/steps.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { SegmentIndex } from '../../capture/vmcore/segments.ts';
import {
  FIRST_TURN,
  filledTurn,
  freeTurn,
  NEXT_BATCH,
  slotBatch,
  type ThreadMessage,
  type Unreadable,
} from './thread-work.ts';

parentPort!.once('message', compressBatches);

function compressBatches({ work, unreadable }: ThreadMessage): void {
  const { pageSizeBytes } = work;
  const ffi = attempt(openFfi);
  const libc = ffi && work.maps ? attempt(() => openLibc(ffi)) : undefined;
  const source = openVmcoreFile(work.vmcore, libc);
  // The main thread opens the same and has said what was wrong.
  const choice = { name: work.codec, pageSizeBytes };
  const codec = openCodecOrFallback(
    (): Ffi => ffi ?? openFfi(),
    choice,
    () => {},
  );
  const vmcore = { source, segments: new SegmentIndex(work.segments) };
  const bitmap2 = new Bitmap(new Uint8Array(work.bitmap2), work.max_mapnr);
  const filler = new BatchFiller(codec, pageSizeBytes, work.sharesZeroPage);
  const bounds = new Float64Array(work.bounds);
  const turns = new Int32Array(work.turns);
  const batches = work.slots.map(slotBatch);
  const onUnreadable = (pfn: number, cause: unknown): void => {
    const reason = cause === undefined ? 'the vmcore does not hold it' : describeError(cause);
    unreadable.postMessage({ pfn, reason } satisfies Unreadable);
  };
  for (;;) {
    const index = Atomics.add(turns, NEXT_BATCH, 1);
    if (index >= bounds.length - 1) break;
    const slot = index % batches.length;
    waitFor(turns, FIRST_TURN + slot, freeTurn(index));
    filler.begin(batches[slot]);
    const pfns = { start: bounds[index], end: bounds[index + 1] };
    finish(dumpablePages({ vmcore, pageSizeBytes, bitmap2, pfns }, filler, { onUnreadable }));
    Atomics.store(turns, FIRST_TURN + slot, filledTurn(index));
    Atomics.notify(turns, FIRST_TURN + slot);
  }
  codec.close();
  source.close();
  unreadable.close();
}

function waitFor(turns: Int32Array<SharedArrayBuffer>, at: number, wanted: number): void {
  for (let now = Atomics.load(turns, at); now !== wanted; now = Atomics.load(turns, at)) {
    Atomics.wait(turns, at, now);
  }
}

function attempt<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}
