/** What one that compresses for the main thread does from its first batch to the last, in a thread or in another process. */
import type { Codec } from '../codecs/codec.ts';
import { openCodecOrFallback } from '../codecs/open.ts';
import { attempt, describeError, SystemError } from '../errors.ts';
import { openLibc } from '../ffi/libc.ts';
import { type Ffi, openFfi } from '../ffi/library.ts';
import type { FileRange } from '../vmcore/mappable.ts';
import { openVmcoreFile } from '../vmcore/reader.ts';
import { type Segment, SegmentIndex } from '../vmcore/segments.ts';
import { BatchWork } from './batch-work.ts';
import { FAILED, type ThreadReport, type ThreadWork } from './thread-work.ts';

/** Takes the next batch until there is none left. What fails is reported. */
export function compress(work: ThreadWork, report: (what: ThreadReport) => void): void {
  try {
    compressBatches(work, report);
  } catch (error) {
    report({ kind: 'failed', reason: describeError(error) });
    Atomics.store(new Int32Array(work.turns), FAILED, 1);
  }
}

/** @throws SystemError when the thread cannot read the vmcore or compress as the main thread does. */
function compressBatches(work: ThreadWork, report: (what: ThreadReport) => void): void {
  const ffi = attempt(openFfi);
  const libc = ffi && work.maps ? attempt(() => openLibc(ffi)) : undefined;
  const source = openVmcoreFile(work.vmcore, libc);
  if (work.maps) source.allowMapping?.(work.segments.map(rangeOf), work.pageSizeBytes);
  const codec = openSameCodec(work, ffi);
  const vmcore = { source, segments: new SegmentIndex(work.segments) };
  const batches = new BatchWork(work, vmcore, codec, {
    onUnreadable(pfn, cause) {
      const reason = cause === undefined ? 'the vmcore does not hold it' : describeError(cause);
      report({ kind: 'unreadable', pfn, reason });
    },
  });
  while (batches.takeNext());
  codec.close();
  source.close();
}

function rangeOf({ fileOffset, fileBytes }: Segment): FileRange {
  return { start: fileOffset, end: fileOffset + fileBytes };
}

function openSameCodec({ codec: { name, level, opened }, pageSizeBytes }: ThreadWork, ffi?: Ffi): Codec {
  // The main thread opens the same codec and has warned already.
  const codec = openCodecOrFallback(
    () => ffi ?? openFfi(),
    { name, level, pageSizeBytes },
    () => {},
  );
  if (codec.name === opened.name && codec.implementation === opened.implementation) return codec;
  throw new SystemError('THREAD_CODEC', {
    action: 'compress on a further thread',
    actual: `it would compress with ${codec.name} by ${codec.implementation}`,
    wanted: `${opened.name} by ${opened.implementation}, as in the rest of the dump`,
  });
}
