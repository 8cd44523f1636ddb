/**
 * The main thread's part: it writes the batches in the order of pages, so the dump is byte for byte that of one thread, and
 * compresses a batch itself while it waits for the next one. The buffers are fixed: threads that are ahead wait for it. Before
 * another has begun to compress, it takes pages as one thread does; where one fails, it makes the rest alone.
 *
 * Nothing here needs an event of a thread, because the main thread of a capture never returns to its event loop.
 */
import { PageLoop, type PageLoopEvents } from '../kdump/write/page-loop.ts';
import type { DumpInput, PageFeed } from '../kdump/write/writer.ts';
import { BatchWork } from './batch-work.ts';
import type { ThreadInput } from './plan-work.ts';
import {
  FAILED,
  FIRST_TURN,
  filledTurn,
  freeTurn,
  NEXT_BATCH,
  type ThreadReport,
  type ThreadWork,
  waitWhile,
} from './thread-work.ts';

/** How long the main thread waits before it checks for failed threads, and its caller for what else there is. */
const MS_PER_WAIT = 50;
/** A batch takes a tenth of a second. A thread that has not filled one in this time has died, or hangs in the kernel. */
const MOST_WAIT_MS = 20_000;
/** So many batches are taken at a time while no other thread compresses. */
const BATCHES_ALONE = 8;

/** Those that compress for the main thread. */
export interface Crew {
  /** What one of them reports next; undefined when there is nothing. */
  receive(): ThreadReport | undefined;
  /** Why what they have claimed is never filled; undefined while it may be. Asked where the main thread waits. */
  ended(): string | undefined;
}

export function feedOf(
  work: ThreadWork,
  { onAlone, mostWaitMs = MOST_WAIT_MS }: ThreadInput,
  { vmcore, codec, bitmap2 }: DumpInput,
  crew: Crew,
): PageFeed {
  return function* (store, events) {
    const reports = new Reports(crew);
    const own = new BatchWork(work, vmcore, codec, reports.ofThisThread);
    const bounds = new Float64Array(work.bounds);
    const { turns, batches, count } = own;
    const { pageSizeBytes, sharesZeroPage: findsZeros } = work;
    const alone = new PageLoop({ vmcore, pageSizeBytes, bitmap2, findsZeros }, store, events);
    /** Takes pages as one thread does, without batches. Returns how many are done then. */
    function* takeAlone(start: number, end: number, pagesBefore: number): Generator<number, number> {
      let pages = 0;
      for (pages of alone.take({ start, end })) yield pagesBefore + pages;
      return pagesBefore + pages;
    }
    let pagesDone = 0;
    for (let index = 0; index < count; ) {
      const end = own.claimAlone(index, BATCHES_ALONE);
      if (end !== undefined) {
        pagesDone = yield* takeAlone(bounds[index], bounds[end], pagesDone);
        index = end;
        continue;
      }
      const slot = index % batches.length;
      const at = FIRST_TURN + slot;
      let waitedMs = 0;
      while (Atomics.load(turns, at) !== filledTurn(index)) {
        const hasFailed = Atomics.load(turns, FAILED) !== 0;
        const ended = waitedMs > 0 ? crew.ended() : undefined;
        const isOver = hasFailed || ended !== undefined || waitedMs >= mostWaitMs;
        // One that has ended may have filled its last batch meanwhile.
        if (isOver && Atomics.load(turns, at) !== filledTurn(index)) {
          const silence = `a thread has done nothing for ${mostWaitMs / 1000} s`;
          onAlone(reports.failure() ?? ended ?? silence);
          Atomics.store(turns, NEXT_BATCH, count);
          yield* takeAlone(bounds[index], bitmap2.sizeBits, pagesDone);
          return;
        }
        if (own.takeNextIfFree()) waitedMs = 0;
        else waitedMs += waitWhile(turns, at, freeTurn(index), MS_PER_WAIT);
        yield pagesDone;
      }
      store.addBatch(batches[slot]);
      pagesDone += batches[slot].entries[0];
      Atomics.store(turns, at, freeTurn(index + batches.length));
      Atomics.notify(turns, at);
      index++;
      reports.release(bounds[index], events);
      yield pagesDone;
    }
  };
}

/** Unreadable pages are reported on with their batch: of one that is never handed over, this thread reads the pages again. */
class Reports {
  readonly #crew: Crew;
  #unreadable: { readonly pfn: number; readonly cause: unknown }[] = [];
  #failure: string | undefined;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  readonly ofThisThread: PageLoopEvents = {
    onUnreadable: (pfn, cause) => this.#unreadable.push({ pfn, cause }),
  };

  release(endPfn: number, events: PageLoopEvents): void {
    this.#receive();
    if (this.#unreadable.length === 0) return;
    const due = this.#unreadable.filter(({ pfn }) => pfn < endPfn).sort((a, b) => a.pfn - b.pfn);
    this.#unreadable = this.#unreadable.filter(({ pfn }) => pfn >= endPfn);
    for (const { pfn, cause } of due) events.onUnreadable(pfn, cause);
  }

  /** Why a thread has failed. */
  failure(): string | undefined {
    this.#receive();
    return this.#failure;
  }

  #receive(): void {
    for (let report = this.#crew.receive(); report; report = this.#crew.receive()) {
      if (report.kind === 'failed') this.#failure ??= report.reason;
      else this.#unreadable.push({ pfn: report.pfn, cause: report.reason });
    }
  }
}
