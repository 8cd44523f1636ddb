/**
 * Compresses on several threads. Each reads the vmcore itself. The main thread writes their batches in the order of pages, so
 * the dump is byte for byte that of one thread, and compresses a batch itself while it waits for the next one. The buffers
 * are fixed: threads that are ahead wait for the main thread.
 */
import { realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { SystemError } from '../../../capture/errors.ts';
import { DUMP_LEVEL_ZERO } from '../../../capture/filter/dump-level.ts';
import { batchRoom } from '../../../capture/kdump/write/page-batch.ts';
import type { DumpInput, PageFeed } from '../../../capture/kdump/write/writer.ts';
import { BatchWork } from './batch-work.ts';
import type { DumpRequest } from './request.ts';
import {
  batchBounds,
  FIRST_TURN,
  filledTurn,
  freeTurn,
  sharedCopy,
  type ThreadMessage,
  type ThreadWork,
  type Unreadable,
} from './thread-work.ts';

const BATCH_BYTES = 2 << 20;
const SLOTS_PER_THREAD = 2;
/** How long the main thread waits before it checks for Ctrl-C and failed threads. */
const MS_PER_WAIT = 50;

export interface Threads {
  readonly count: number;
  /** Starts the threads' work. The feed passes their batches to the writer. */
  feed(request: DumpRequest, input: DumpInput): PageFeed;
  /** Terminates the threads. */
  close(): void;
}

/** Starts threads, at most one per CPU including this one; they load while the pages are chosen. Undefined if one is enough. */
export function startThreads(wished: number): Threads | undefined {
  const count = Math.min(wished, availableParallelism());
  if (count < 2) return undefined;
  const failures: unknown[] = [];
  const channels = Array.from({ length: count - 1 }, () => new MessageChannel());
  const workers = channels.map(() => {
    const worker = new Worker(threadProgram());
    worker.on('error', cause => failures.push(cause));
    return worker;
  });
  return {
    count,
    feed(request, input) {
      const work = workFor(request, input, count);
      workers.forEach((worker, i) => {
        const { port2 } = channels[i];
        worker.postMessage({ work, unreadable: port2 } satisfies ThreadMessage, [port2]);
      });
      const ports = channels.map(({ port1 }) => port1);
      return feedOf(work, input, failures, ports);
    },
    close() {
      for (const worker of workers) void worker.terminate();
      for (const { port1 } of channels) port1.close();
    },
  };
}

/** Beside the bundle; without a bundle, the source file. */
function threadProgram(): string | URL {
  if (import.meta.url) return new URL('./thread.ts', import.meta.url);
  return join(dirname(realpathSync(process.argv[1])), 'dump-thread.js');
}

function workFor(request: DumpRequest, input: DumpInput, threads: number): ThreadWork {
  const { vmcore, bitmap2, codec, dumpLevel, unreadableAs = 'zeros' } = input;
  const { pageSizeBytes } = vmcore;
  const pages = BATCH_BYTES / pageSizeBytes;
  const room = batchRoom(pages, codec, pageSizeBytes);
  const slots = Array.from({ length: threads * SLOTS_PER_THREAD }, () => ({
    data: new SharedArrayBuffer(room.data),
    entries: new SharedArrayBuffer(room.entries),
  }));
  const turns = new Int32Array(new SharedArrayBuffer((FIRST_TURN + slots.length) * 4));
  for (let slot = 0; slot < slots.length; slot++) turns[FIRST_TURN + slot] = freeTurn(slot);
  return {
    vmcore: request.vmcore,
    maps: request.maps,
    codec: request.codec,
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
  { vmcore, codec }: DumpInput,
  failures: readonly unknown[],
  ports: readonly MessagePort[],
): PageFeed {
  return function* (store, events) {
    const own = new BatchWork(work, vmcore, codec, events);
    const { turns, batches, count } = own;
    let pagesDone = 0;
    for (let index = 0; index < count; index++) {
      const slot = index % batches.length;
      const at = FIRST_TURN + slot;
      while (Atomics.load(turns, at) !== filledTurn(index)) {
        if (!own.takeNextIfFree()) Atomics.wait(turns, at, freeTurn(index), MS_PER_WAIT);
        yield pagesDone;
        if (failures.length > 0) throw threadFailed(failures[0]);
      }
      store.addBatch(batches[slot]);
      pagesDone += batches[slot].entries[0];
      Atomics.store(turns, at, freeTurn(index + batches.length));
      Atomics.notify(turns, at);
      for (const port of ports) {
        for (const { pfn, reason } of received(port)) events.onUnreadable(pfn, reason);
      }
      yield pagesDone;
    }
  };
}

function* received(port: MessagePort): Generator<Unreadable, void> {
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) yield got.message;
}

function threadFailed(cause: unknown): SystemError {
  const actual = `a thread failed: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new SystemError('THREAD_FAILED', { action: 'compress the dump', actual }, {}, { cause });
}
