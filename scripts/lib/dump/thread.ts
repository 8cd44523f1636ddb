/** A compressing thread: takes the next batch until there is none left. A program of its own. */
import { parentPort } from 'node:worker_threads';
import { openCodecOrFallback } from '../../../capture/codecs/open.ts';
import { attempt, describeError } from '../../../capture/errors.ts';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { type Ffi, openFfi } from '../../../capture/ffi/library.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { SegmentIndex } from '../../../capture/vmcore/segments.ts';
import { BatchWork } from './batch-work.ts';
import type { ThreadMessage, Unreadable } from './thread-work.ts';

parentPort!.once('message', compressBatches);

function compressBatches({ work, unreadable }: ThreadMessage): void {
  const { pageSizeBytes } = work;
  const ffi = attempt(openFfi);
  const libc = ffi && work.maps ? attempt(() => openLibc(ffi)) : undefined;
  const source = openVmcoreFile(work.vmcore, libc);
  // The main thread opens the same codec and has warned already.
  const choice = { name: work.codec, pageSizeBytes };
  const codec = openCodecOrFallback(
    (): Ffi => ffi ?? openFfi(),
    choice,
    () => {},
  );
  const vmcore = { source, segments: new SegmentIndex(work.segments) };
  const batches = new BatchWork(work, vmcore, codec, {
    onUnreadable(pfn, cause) {
      const reason = cause === undefined ? 'the vmcore does not hold it' : describeError(cause);
      unreadable.postMessage({ pfn, reason } satisfies Unreadable);
    },
  });
  while (batches.takeNext());
  codec.close();
  source.close();
  unreadable.close();
}
