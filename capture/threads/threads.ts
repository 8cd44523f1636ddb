/** Threads of this process that compress a dump together with it (feed.ts). Each reads the vmcore itself. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { DumpInput, PageFeed } from '../kdump/write/writer.ts';
import { type Crew, feedOf } from './feed.ts';
import { memoryOf, planWork, type ThreadInput } from './plan-work.ts';
import { type ThreadWork, WORKING } from './thread-work.ts';

/** Each has two buffers of `batchBytes`. */
const SLOTS_PER_THREAD = 2;
/** V8 ends a thread that needs more. It needs some 4 MB. */
const HEAP = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 } as const;

/** The one message to a thread. */
export interface ThreadMessage {
  readonly work: ThreadWork<SharedArrayBuffer>;
  readonly reports: MessagePort;
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
      const { terms, sizesBytes, fill } = planWork(request, input, count * SLOTS_PER_THREAD);
      const memory = memoryOf(sizesBytes.map(bytes => new SharedArrayBuffer(bytes)));
      fill(memory);
      const work = { ...terms, ...memory };
      turns = new Int32Array(work.turns);
      workers.forEach((worker, i) => {
        const { port2: reports } = channels[i];
        worker.postMessage({ work, reports } satisfies ThreadMessage, [reports]);
      });
      return feedOf(work, request, input, crewOf(channels.map(({ port1 }) => port1)));
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

function crewOf(ports: readonly MessagePort[]): Crew {
  return {
    receive() {
      for (const port of ports) {
        const got = receiveMessageOnPort(port);
        if (got) return got.message;
      }
      return undefined;
    },
    ended: () => undefined,
  };
}
