/** Who compresses the dump of a capture: further threads, or the autopsy’s process, where the crash kernel has several CPUs, and memory to spare for them. */
import type { CodecName } from '../codecs/table.ts';
import { attempt, describeError } from '../errors.ts';
import type { DumpInput } from '../kdump/write/writer.ts';
import {
  BATCH_BYTES,
  compressingSeconds,
  HELPER_SLOTS,
  helperBytes,
  MOST_THREADS,
  threadBytes,
} from '../threads/cost.ts';
import { askHelper, type HelperProcess } from '../threads/helper.ts';
import type { ThreadInput } from '../threads/plan-work.ts';
import { startThreads, type Threads } from '../threads/threads.ts';
import type { CaptureContext, DumpPhase } from './context.ts';

/** A thread begins to work after a tenth of a second, or after some seconds where the CPU is emulated. */
const LEAST_SECONDS = 0.3;

/** One where a second would not help; a text says why there is no memory for a second. */
export function chooseThreads(
  { compressors, memory }: Pick<CaptureContext, 'compressors' | 'memory'>,
  { codec, bitmap2 }: Pick<DumpInput, 'codec' | 'bitmap2'>,
): number | string {
  const wished = Math.min(compressors.cpus, MOST_THREADS);
  if (wished < 2) return 1;
  if (compressingSeconds(bitmap2.count(), codec.name as CodecName | 'none') < LEAST_SECONDS) return 1;
  const refusal = (count: number) =>
    memory.refusal((count - 1) * threadBytes({ batchBytes: BATCH_BYTES, bitmapBytes: bitmap2.bytes.length }));
  let count = wished;
  while (count > 2 && refusal(count)) count -= 1;
  const why = refusal(count);
  return why ? `one thread compresses on ${wished} CPUs: ${why}` : count;
}

/** Others that compress a dump. */
export interface Shared {
  /** With their feed. */
  readonly input: DumpInput;
  /** How many have compressed, this thread among them. */
  working(): number;
  close(): void;
}

/** Threads that were started for it; undefined where one thread is to do it. Never throws. */
export function withThreads(context: CaptureContext, input: DumpInput, phase: DumpPhase): Shared | undefined {
  const { compressors, log } = context;
  const count = input.bound ? 1 : chooseThreads(context, input);
  if (typeof count === 'string') log.say(phase, count);
  if (typeof count === 'string' || count < 2) return undefined;
  let threads: Threads | undefined;
  return attempt(
    () => {
      threads = startThreads(compressors.program, count);
      const feed = threads.feed(requestOf(context, input, phase), input);
      log.say(phase, `${count} threads compress`);
      return { ...threads, input: { ...input, feed } };
    },
    error => {
      // They would keep their memory, which the dump may need.
      threads?.close();
      log.warn(phase, `one thread compresses: ${describeError(error)}`);
    },
  );
}

/** The process of the autopsy, which helps from when it is done with that; undefined where one thread is to do it. Never throws. */
export function withHelper(
  context: CaptureContext,
  input: DumpInput,
  phase: DumpPhase,
  process: HelperProcess,
): Shared | undefined {
  const { libc, log, memory } = context;
  if (!libc || input.bound) return undefined;
  const shared = { batchBytes: BATCH_BYTES, bitmapBytes: input.bitmap2.bytes.length };
  const refusal = (slots: number) => memory.refusal(helperBytes(slots, shared));
  const slots = HELPER_SLOTS.find(count => refusal(count) === undefined);
  if (slots === undefined) {
    log.say(phase, `the process of the autopsy will not compress: ${refusal(HELPER_SLOTS.at(-1)!)}`);
    return undefined;
  }
  return attempt(
    () => {
      const helper = askHelper(libc, process, slots, requestOf(context, input, phase), input);
      return {
        ...helper,
        input: { ...input, feed: helper.feed },
        close() {
          if (helper.working() > 1) log.say(phase, 'the process of the autopsy compressed some of it');
          helper.close();
        },
      };
    },
    error => log.warn(phase, `one thread compresses: ${describeError(error)}`),
  );
}

function requestOf(
  { compressors, libc, log, vmcorePath }: CaptureContext,
  input: DumpInput,
  phase: DumpPhase,
): ThreadInput {
  return {
    vmcore: vmcorePath,
    maps: libc !== undefined,
    codec: input.codec.name as CodecName | 'none',
    batchBytes: BATCH_BYTES,
    onAlone: reason => log.warn(phase, `one thread makes the rest of the dump: ${reason}`),
    mostWaitMs: compressors.mostWaitMs,
  };
}
