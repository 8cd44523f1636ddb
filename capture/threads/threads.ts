/**
 * Compresses on several threads. Each reads the vmcore itself. The main thread writes their batches in the order of pages, so
 * the dump is byte for byte that of one thread, and compresses a batch itself while it waits for the next one. The buffers
 * are fixed: threads that are ahead wait for the main thread. Where a thread fails, the main thread makes the rest alone.
 *
 * Nothing here needs an event of a thread, because the main thread of a capture never returns to its event loop.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { CodecName } from '../codecs/table.ts';
import { DUMP_LEVEL_ZERO } from '../filter/dump-level.ts';
import { batchRoom } from '../kdump/write/page-batch.ts';
import { dumpablePages, type PageLoopEvents } from '../kdump/write/page-loop.ts';
import type { DumpInput, PageFeed } from '../kdump/write/writer.ts';
import { BatchWork } from './batch-work.ts';
import {
  batchBounds,
  FAILED,
  FIRST_TURN,
  filledTurn,
  freeTurn,
  NEXT_BATCH,
  sharedCopy,
  type ThreadMessage,
  type ThreadReport,
  type ThreadWork,
  WORKING,
} from './thread-work.ts';

const SLOTS_PER_THREAD = 2;
/** How long the main thread waits before it checks for failed threads, and its caller for what else there is. */
const MS_PER_WAIT = 50;
/** A batch takes a tenth of a second. A thread that has not filled one in this time has died, or hangs in the kernel. */
const MOST_WAIT_MS = 20_000;
/** V8 ends a thread that needs more. It needs some 4 MB. */
const HEAP = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 } as const;

export interface ThreadInput {
  readonly vmcore: string;
  /** Whether the threads map the vmcore where they can. */
  readonly maps: boolean;
  /** By this name the main thread opened its codec. */
  readonly codec: CodecName | 'none';
  /** The pages that a thread takes at a time; it has two buffers of that size. */
  readonly batchBytes: number;
  /** The main thread goes on alone. Called once at most. */
  onAlone(reason: string): void;
  /** How long a thread may do nothing; 20 s when left out. */
  readonly mostWaitMs?: number;
}

export interface Threads {
  /** This thread among them. */
  readonly count: number;
  /** Starts the threads' work. The feed passes their batches to the writer. */
  feed(request: ThreadInput, input: DumpInput): PageFeed;
  /** How many have begun to compress, this thread among them: one that loads slowly may come too late. */
  working(): number;
  /** Terminates the threads. */
  close(): void;
}

/**
 * Starts `count - 1` threads, which load while the pages are chosen.
 * @param program the bundle of main.ts.
 * @throws what Node throws; then none is left.
 */
export function startThreads(program: string | URL, count: number): Threads {
  const channels = Array.from({ length: count - 1 }, () => new MessageChannel());
  const workers: Worker[] = [];
  const close = (): void => {
    for (const worker of workers) void worker.terminate();
    for (const { port1 } of channels) port1.close();
  };
  try {
    for (const _ of channels) workers.push(startThread(program));
  } catch (error) {
    close();
    throw error;
  }
  let turns: Int32Array | undefined;
  return {
    count,
    feed(request, input) {
      const work = workFor(request, input, count);
      turns = new Int32Array(work.turns);
      workers.forEach((worker, i) => {
        const { port2: reports } = channels[i];
        worker.postMessage({ work, reports } satisfies ThreadMessage, [reports]);
      });
      const ports = channels.map(({ port1 }) => port1);
      return feedOf(work, request, input, new Reports(ports));
    },
    working: () => 1 + (turns ? Atomics.load(turns, WORKING) : 0),
    close,
  };
}

function startThread(program: string | URL): Worker {
  const worker = new Worker(program, { resourceLimits: HEAP });
  // Without a listener the error would end the process. A thread that never begins claims no batch.
  worker.on('error', () => {});
  return worker;
}

function workFor(request: ThreadInput, input: DumpInput, threads: number): ThreadWork {
  const { vmcore, bitmap2, codec, dumpLevel, unreadableAs = 'zeros' } = input;
  const { pageSizeBytes } = vmcore;
  const pages = Math.max(1, Math.floor(request.batchBytes / pageSizeBytes));
  const room = batchRoom(pages, codec, pageSizeBytes);
  const slots = Array.from({ length: threads * SLOTS_PER_THREAD }, () => ({
    data: new SharedArrayBuffer(room.data),
    entries: new SharedArrayBuffer(room.entries),
  }));
  const turns = new Int32Array(new SharedArrayBuffer((FIRST_TURN + slots.length) * 4));
  for (let slot = 0; slot < slots.length; slot++) turns[FIRST_TURN + slot] = freeTurn(slot);
  const { name, implementation, askedLevel } = codec;
  return {
    vmcore: request.vmcore,
    maps: request.maps,
    codec: { name: request.codec, level: askedLevel, opened: { name, implementation } },
    pageSizeBytes,
    sharesZeroPage: (dumpLevel & DUMP_LEVEL_ZERO) !== 0,
    unreadableAs,
    segments: vmcore.segments.segments,
    bitmap2: sharedCopy(bitmap2),
    chunks: bitmap2.chunks,
    max_mapnr: bitmap2.sizeBits,
    bounds: batchBounds(bitmap2, pages).buffer,
    turns: turns.buffer,
    slots,
  };
}

function feedOf(
  work: ThreadWork,
  { onAlone, mostWaitMs = MOST_WAIT_MS }: ThreadInput,
  { vmcore, codec, bitmap2 }: DumpInput,
  reports: Reports,
): PageFeed {
  return function* (store, events) {
    const own = new BatchWork(work, vmcore, codec, reports.ofThisThread);
    const bounds = new Float64Array(work.bounds);
    const { turns, batches, count } = own;
    let pagesDone = 0;
    for (let index = 0; index < count; index++) {
      const slot = index % batches.length;
      const at = FIRST_TURN + slot;
      let waitedMs = 0;
      while (Atomics.load(turns, at) !== filledTurn(index)) {
        const hasFailed = Atomics.load(turns, FAILED) !== 0;
        if (hasFailed || waitedMs >= mostWaitMs) {
          onAlone(reports.failure() ?? `a thread has done nothing for ${mostWaitMs / 1000} s`);
          Atomics.store(turns, NEXT_BATCH, count);
          const pfns = { start: bounds[index], end: bitmap2.sizeBits };
          const { pageSizeBytes, sharesZeroPage: findsZeros } = work;
          const rest = { vmcore, pageSizeBytes, bitmap2, findsZeros, pfns };
          for (const more of dumpablePages(rest, store, events)) yield pagesDone + more;
          return;
        }
        if (own.takeNextIfFree()) waitedMs = 0;
        else if (Atomics.wait(turns, at, freeTurn(index), MS_PER_WAIT) === 'timed-out')
          waitedMs += MS_PER_WAIT;
        yield pagesDone;
      }
      store.addBatch(batches[slot]);
      pagesDone += batches[slot].entries[0];
      Atomics.store(turns, at, freeTurn(index + batches.length));
      Atomics.notify(turns, at);
      reports.release(bounds[index + 1], events);
      yield pagesDone;
    }
  };
}

/** Unreadable pages are reported on with their batch: of one that is never handed over, this thread reads the pages again. */
class Reports {
  readonly #ports: readonly MessagePort[];
  #unreadable: { readonly pfn: number; readonly cause: unknown }[] = [];
  #failure: string | undefined;

  constructor(ports: readonly MessagePort[]) {
    this.#ports = ports;
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
    for (const port of this.#ports) {
      for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
        const report: ThreadReport = got.message;
        if (report.kind === 'failed') this.#failure ??= report.reason;
        else this.#unreadable.push({ pfn: report.pfn, cause: report.reason });
      }
    }
  }
}
