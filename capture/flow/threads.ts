/** How many threads compress the dump of a capture: where the crash kernel has several CPUs, and memory to spare for them. */
import type { CodecName } from '../codecs/table.ts';
import { attempt, describeError } from '../errors.ts';
import type { DumpInput } from '../kdump/write/writer.ts';
import { BATCH_BYTES, compressingSeconds, MOST_THREADS, threadBytes } from '../threads/cost.ts';
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

/** With the feed of the threads that were started; undefined where one thread is to do it. Never throws. */
export function withThreads(
  context: CaptureContext,
  input: DumpInput,
  phase: DumpPhase,
): { readonly input: DumpInput; readonly threads: Threads } | undefined {
  const { compressors, libc, log, vmcorePath } = context;
  const codec = input.codec.name as CodecName | 'none';
  const count = input.bound ? 1 : chooseThreads(context, input);
  if (typeof count === 'string') log.say(phase, count);
  if (typeof count === 'string' || count < 2) return undefined;
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
