/** From plan to commit: choose the pages, write them as vmcore-incomplete, check what was written, name it vmcore. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
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
import { type DumpDirectory, incompleteName } from './target/dump-directory.ts';
import { openFileSink } from './target/file-sink.ts';
import type { ManifestDump } from './target/manifest.ts';
import { openVmcoreFile } from './vmcore/reader.ts';

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
  directory: DumpDirectory,
  phases: Phases,
): CaptureDump {
  const { libc, log } = context;
  const memory = openBitmapMemory(libc, directory.path, cause => log.warn('dump', describeError(cause)));
  try {
    return dumpInto(context, crash, directory, phases, memory);
  } finally {
    memory.release();
  }
}

function dumpInto(
  context: CaptureContext,
  crash: Crash,
  directory: DumpDirectory,
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
  const incomplete = incompleteName(NAME);
  const fd = directory.create(incomplete);
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
        openFileSink(fd, incomplete, { durable: true }),
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
    phases.run('verify', () => verify(join(directory.path, incomplete), result));
    phases.runLast('commit', () => directory.commit(fd, incomplete, NAME));
    const manifest = describe(result, level, pages, codec, vmcore.pageSizeBytes);
    log.say('dump', summarize(manifest));
    return { manifest };
  } finally {
    closeSync(fd);
    codec.close();
  }
}

function verify(path: string, { digest, counts }: DumpResult): void {
  const file = openVmcoreFile(path, undefined);
  try {
    const damaged = damagedRegions(file, digest);
    if (damaged.length === 0 && file.sizeBytes === counts.bytesWritten) return;
    throw new DumpFormatError('READ_BACK', {
      action: 'verify what was written',
      actual: `${damaged.join(', ') || 'the length'} read back differently`,
      wanted: 'a disk that keeps what it is given',
    });
  } finally {
    file.close();
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
