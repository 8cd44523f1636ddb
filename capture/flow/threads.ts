/** How many threads compress the dump of a capture: where the crash kernel has several CPUs, and memory to spare for them. */
import type { CodecName } from '../codecs/table.ts';
import { attempt, describeError } from '../errors.ts';
import type { DumpInput } from '../kdump/write/writer.ts';
import { BATCH_BYTES, compressingSeconds, MOST_THREADS, threadBytes } from '../threads/cost.ts';
import { startThreads, type Threads } from '../threads/threads.ts';
import type { CaptureContext, DumpPhase } from './context.ts';

/** A thread begins to work after a tenth of a second, or after some seconds where the CPU is emulated. */
const LEAST_SECONDS = 0.3;

/** With the feed of the threads that were started; undefined where one thread is to do it. Never throws. */
export function withThreads(
  context: CaptureContext,
  input: DumpInput,
  phase: DumpPhase,
): { readonly input: DumpInput; readonly threads: Threads } | undefined {
  const { compressors, memory, libc, log, vmcorePath } = context;
  const wished = Math.min(compressors.cpus, MOST_THREADS);
  const codec = input.codec.name as CodecName | 'none';
  if (wished < 2 || input.bound) return undefined;
  if (compressingSeconds(input.bitmap2.count(), codec) < LEAST_SECONDS) return undefined;
  const refusal = (count: number) =>
    memory.refusal(
      (count - 1) * threadBytes({ batchBytes: BATCH_BYTES, bitmapBytes: input.bitmap2.bytes.length }),
    );
  let count = wished;
  while (count > 2 && refusal(count)) count -= 1;
  const why = refusal(count);
  if (why) {
    log.say(phase, `one thread compresses on ${wished} CPUs: ${why}`);
    return undefined;
  }
  const onAlone = (reason: string) => log.warn(phase, `one thread makes the rest of the dump: ${reason}`);
  let threads: Threads | undefined;
  return attempt(
    () => {
      threads = startThreads(compressors.program, count);
      const feed = threads.feed(
        {
          vmcore: vmcorePath,
          maps: libc !== undefined,
          codec,
          batchBytes: BATCH_BYTES,
          onAlone,
          mostWaitMs: compressors.mostWaitMs,
        },
        input,
      );
      log.say(phase, `${count} threads compress`);
      return { input: { ...input, feed }, threads };
    },
    error => {
      // They would keep their memory, which the dump may need.
      threads?.close();
      log.warn(phase, `one thread compresses: ${describeError(error)}`);
    },
  );
}
