/** One attempt at a dump: its room reserved, its pages written, read back, and given their name. */
import { DumpFormatError } from '../errors.ts';
import { damagedRegions } from '../kdump/format/digest.ts';
import type { Bound } from '../kdump/write/bounded.ts';
import { crashFacts } from '../kdump/write/input.ts';
import { DATA_CHUNK_BYTES } from '../kdump/write/page-store.ts';
import { type DumpInput, type DumpResult, type PageFeed, writeDump } from '../kdump/write/writer.ts';
import type { ManifestDump } from '../storage/manifest.ts';
import type { EndTracking } from '../storage/place/file-sink.ts';
import type { DumpFile } from '../storage/place/place.ts';
import { type Reservation, reserve } from '../storage/place/reserve.ts';
import { readBehind } from '../storage/place/write-behind.ts';
import type { Choice } from '../storage/policy/ladder.ts';
import type { FileRange } from '../vmcore/mappable.ts';
import type { DumpPhase } from './context.ts';
import type { PlannedDump } from './plan.ts';
import { openProgress, QUIET_SECONDS } from './progress.ts';
import type { DumpRequest, MadeDump } from './record.ts';
import { withHelper, withThreads } from './threads.ts';

export const DUMP_NAME = 'vmcore';
/** Where the CPU has no instructions for SHA-256, it takes longer than compressing. CRC-32 detects any flipped bit too. */
const DIGEST_ALGORITHM = 'crc32';

/** A tenth of a second of a slow disk. */
const LEAST_CHUNK_BYTES = 256 << 10;

/** A dump of a request, as it was planned, on its way into a file. */
export interface Writing extends DumpRequest {
  readonly planned: PlannedDump;
  readonly file: DumpFile;
  /** The file's sink. */
  readonly sink: EndTracking;
  /** What the console calls it. */
  readonly phase: DumpPhase;
  /** Where its pages are not read from the vmcore. */
  readonly feed?: PageFeed;
}

export interface WrittenDump extends DumpResult {
  /** How many compressed it. */
  readonly threads: number;
}

/** Where the file system refused, the keeper then knows how much there was. */
export function reserveRoom(
  { context: { libc, log }, keeper }: DumpRequest,
  file: DumpFile,
  { step, roomBytes, needBytes }: Choice,
  holes: readonly FileRange[],
): Reservation {
  const wantedBytes = Math.min(needBytes, step.isBounded ? roomBytes : needBytes);
  const reservation = reserve(libc, file, wantedBytes, holes);
  keeper.reserved(reservation === 'reserved');
  if (reservation === 'refused') {
    keeper.refused(file, wantedBytes);
    file.setLength(0);
  }
  if (typeof reservation === 'object') log.warn('dump', `room is not reserved: ${reservation.unknown}`);
  return reservation;
}

/** @throws TargetError when the target does not take it, DeadlineError, and what the writer throws. */
export function writeVmcore(
  { context, phases, crash, planned, sink, phase, scene, feed }: Writing,
  bound?: Bound,
): WrittenDump {
  const { log, clock, hooks } = context;
  const { codec, layout, bitmap1 } = planned;
  const { bitmap2, dumpLevel, lacksMemory } = planned.pages;
  const progress = openProgress(layout.block_size, text => log.say(phase, text), clock.seconds);
  const input: DumpInput = {
    ...crashFacts(crash),
    bitmap2,
    bitmap1,
    dumpLevel,
    codec,
    digestAlgorithm: DIGEST_ALGORITHM,
    bound,
    feed,
    isInputIncomplete: lacksMemory,
    chunkBytes: context.memory.grant(DATA_CHUNK_BYTES, LEAST_CHUNK_BYTES),
  };
  const { helper } = scene;
  // While the autopsy is made, the other CPU and the memory of a thread are its.
  const share = () =>
    helper ? withHelper(context, input, phase, helper) : withThreads(context, input, phase);
  const shared = feed ? undefined : share();
  try {
    const result = writeDump(shared?.input ?? input, sink, {
      onProgress(done, total) {
        hooks.onProgress?.(phase, done, total);
        phases.checkDeadline(phase);
        progress.report(done, total);
      },
      onWarning: text => log.warn(phase, text),
    });
    return { ...result, threads: shared?.working() ?? 1 };
  } finally {
    shared?.close();
  }
}

/** Reads from the disk, not from the memory that was written to it. @throws DumpFormatError READ_BACK */
export function verifyDump({ context, phases, file }: Writing, { digest, counts }: DumpResult): void {
  context.libc?.dropCache(file.fd);
  const written = file.readBack();
  const { log, clock } = context;
  const forget = context.libc && readBehind(file, context.libc);
  const progress = openProgress(1, text => log.say('verify', text), clock.seconds, QUIET_SECONDS);
  try {
    const damaged = damagedRegions(written, digest, (done, total) => {
      phases.checkDeadline('verify');
      forget?.(done);
      progress.report(done, total);
    });
    if (damaged.length === 0 && written.sizeBytes === counts.bytesWritten) return;
    throw new DumpFormatError('READ_BACK', {
      action: 'verify what was written',
      actual: `${damaged.join(', ') || 'the length'} read back differently`,
      wanted: 'the bytes that were written',
    });
  } finally {
    written.close();
  }
}

/** Names a complete dump vmcore. @throws what the file throws. */
export function commitDump(
  { context, phases, keeper, planned, file }: Writing,
  result: WrittenDump,
): MadeDump {
  const { pagesMissing, pagesDumped } = result.counts;
  const { lacksMemory } = planned.pages;
  const isComplete = pagesMissing === 0 && !lacksMemory;
  phases.runLast('commit', () => (isComplete ? file.commit() : file.keep()));
  const dump = describeDump(isComplete ? DUMP_NAME : file.incompleteName, planned, result);
  keeper.written(dump.bytes - planned.holeBytes);
  context.log.say('dump', summarize(dump));
  const { threads } = result;
  if (isComplete) return { state: 'complete', dump, threads };
  const lacks = [
    pagesMissing > 0 ? `there was no room for ${pagesMissing} of ${pagesDumped} pages` : '',
    lacksMemory ? 'the vmcore names memory that a dump cannot have' : '',
  ];
  return { state: 'lacking', dump, threads, lacks: lacks.filter(text => text !== '').join(', and ') };
}

export function describeDump(
  name: string,
  { pages: { dumpLevel: level, pages: byClass }, codec, layout: { block_size: pageSizeBytes } }: PlannedDump,
  { counts, digest }: DumpResult,
): ManifestDump {
  return {
    name,
    format: 'kdump-compressed',
    level,
    codec: codec.name,
    codecLevel: codec.level,
    bytes: counts.bytesWritten,
    pageSizeBytes,
    pages: {
      total: counts.pagesPresent,
      dumped: counts.pagesDumped - counts.pagesZero - counts.pagesMissing,
      zero: counts.pagesZero,
      unreadable: counts.pagesUnreadable,
      ...(counts.pagesMissing > 0 ? { missing: counts.pagesMissing } : {}),
      ...(byClass ? { byClass } : {}),
    },
    digest,
  };
}

function summarize({ pages, bytes, pageSizeBytes }: ManifestDump): string {
  const percent = ((100 * bytes) / (pages.total * pageSizeBytes)).toFixed(1);
  const missing = pages.missing ?? 0;
  const leftOut = pages.total - pages.dumped - pages.zero - missing;
  const lacking = missing > 0 ? `, ${missing} missing` : '';
  return (
    `${pages.total} pages, ${pages.dumped} kept${lacking}, ${pages.zero} zero and ${leftOut} others left out; ` +
    `${bytes} bytes, ${percent} % of memory; verified`
  );
}
