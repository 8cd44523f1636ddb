/** From plan to commit: choose the pages, write them as vmcore-incomplete, check what was written, name it vmcore. */
import type { CaptureContext } from './capture.ts';
import type { Crash } from './crash.ts';
import { choosePages, crashFacts } from './dump-input.ts';
import { DumpFormatError, describeError } from './errors.ts';
import { openCodecOrFallback } from './ffi/codecs.ts';
import { type BitmapMemory, openBitmapMemory } from './ffi/file-memory.ts';
import { openFfi } from './ffi/library.ts';
import { describeDumpLevel } from './filter/dump-level.ts';
import type { PagesByClass } from './filter/page-class.ts';
import type { Codec } from './kdump/codec.ts';
import { damagedRegions } from './kdump/digest.ts';
import { type DumpResult, writeDump } from './kdump/writer.ts';
import type { Phases } from './phases.ts';
import { openProgress } from './progress.ts';
import type { DumpFile, DumpPlace } from './target/dump-place.ts';
import type { ManifestDump } from './target/manifest.ts';

const NAME = 'vmcore';
/** SHA-256 takes longer than compressing on a CPU without instructions for it; this one tells every flipped bit too. */
const DIGEST_ALGORITHM = 'crc32';

export interface CaptureDump {
  readonly manifest: ManifestDump;
}

/** @throws whatever keeps the dump from being whole; then `vmcore-incomplete` stays, marked as such in its header. */
export function captureDump(
  context: CaptureContext,
  crash: Crash,
  place: DumpPlace,
  phases: Phases,
): CaptureDump {
  const { libc, log } = context;
  const memory = openBitmapMemory(libc, place.scratch, cause => log.warn('dump', describeError(cause)));
  try {
    return dumpInto(context, crash, place, phases, memory);
  } finally {
    memory.release();
  }
}

function dumpInto(
  context: CaptureContext,
  crash: Crash,
  place: DumpPlace,
  phases: Phases,
  { allocate }: BitmapMemory,
): CaptureDump {
  const { options, log, clock, ffi } = context;
  const { vmcore } = crash;
  const {
    bitmap2,
    dumpLevel: level,
    pages,
    warnings,
  } = phases.run('plan', () =>
    choosePages(crash, options.dumpLevel, { allocate, onProgress: () => phases.checkDeadline('plan') }),
  );
  for (const warning of warnings) log.warn('dump', warning);
  const codec = openCodecOrFallback(
    () => ffi ?? openFfi(),
    { name: options.codec, pageSizeBytes: vmcore.pageSizeBytes },
    (fallback, cause) =>
      log.warn('dump', `compressing with ${fallback.implementation}: ${describeError(cause)}`),
  );
  log.say(
    'dump',
    `${bitmap2.count()} pages at dump level ${describeDumpLevel(level)}, ${codec.name} by ${codec.implementation}`,
  );
  const file = place.create(NAME);
  try {
    const progress = openProgress(vmcore.pageSizeBytes, text => log.say('dump', text), clock.seconds);
    const result = phases.run('dump', () =>
      writeDump(
        {
          ...crashFacts(crash),
          bitmap2,
          dumpLevel: level,
          codec,
          digestAlgorithm: DIGEST_ALGORITHM,
        },
        file.sink,
        {
          onProgress(done, total) {
            context.hooks.onProgress?.(done, total);
            phases.checkDeadline('dump');
            progress.report(done, total);
          },
          onWarning: text => log.warn('dump', text),
        },
      ),
    );
    phases.run('verify', () => verify(file, result, () => phases.checkDeadline('verify')));
    phases.runLast('commit', () => file.commit());
    const manifest = describe(result, level, pages, codec, vmcore.pageSizeBytes);
    log.say('dump', summarize(manifest));
    return { manifest };
  } finally {
    file.close();
    codec.close();
  }
}

function verify(file: DumpFile, { digest, counts }: DumpResult, onProgress: () => void): void {
  const written = file.readBack();
  try {
    const damaged = damagedRegions(written, digest, onProgress);
    if (damaged.length === 0 && written.sizeBytes === counts.bytesWritten) return;
    throw new DumpFormatError('READ_BACK', {
      action: 'verify what was written',
      actual: `${damaged.join(', ') || 'the length'} read back differently`,
      wanted: 'a disk that keeps what it is given',
    });
  } finally {
    written.close();
  }
}

function describe(
  result: DumpResult,
  level: number,
  byClass: PagesByClass | undefined,
  codec: Codec,
  pageSizeBytes: number,
): ManifestDump {
  const { counts, digest } = result;
  return {
    name: NAME,
    format: 'kdump-compressed',
    level,
    codec: codec.name,
    codecLevel: codec.level,
    bytes: counts.bytesWritten,
    pageSizeBytes,
    pages: {
      total: counts.pagesPresent,
      dumped: counts.pagesDumped - counts.pagesZero,
      zero: counts.pagesZero,
      unreadable: counts.pagesUnreadable,
      ...(byClass ? { byClass } : {}),
    },
    digest,
  };
}

function summarize({ pages, bytes, pageSizeBytes }: ManifestDump): string {
  const percent = ((100 * bytes) / (pages.total * pageSizeBytes)).toFixed(1);
  const leftOut = pages.total - pages.dumped - pages.zero;
  return (
    `${pages.total} pages, ${pages.dumped} kept, ${pages.zero} zero and ${leftOut} others left out; ` +
    `${bytes} bytes, ${percent} % of memory; verified`
  );
}
