/** From plan to commit: which dump there is room for, written as vmcore-incomplete, checked, and then named vmcore. */

import { DumpFormatError, describeError, TargetError } from '../errors.ts';
import { describeDumpLevel } from '../filter/dump-level.ts';
import { damagedRegions } from '../kdump/format/digest.ts';
import type { Bound } from '../kdump/write/bounded.ts';
import { crashFacts } from '../kdump/write/input.ts';
import { type DumpResult, writeDump } from '../kdump/write/writer.ts';
import type { Crash } from '../kernel/crash.ts';
import type { ManifestDump } from '../storage/manifest.ts';
import { type EndTracking, trackEnd } from '../storage/place/file-sink.ts';
import type { DumpFile, DumpPlace } from '../storage/place/place.ts';
import { reserve } from '../storage/place/reserve.ts';
import { type Choice, chooseStep, LADDER } from '../storage/policy/ladder.ts';
import type { RoomKeeper } from '../storage/policy/room.ts';
import type { CaptureContext } from './context.ts';
import type { Phases } from './phases.ts';
import { DumpPlanner, type PlannedDump } from './plan.ts';
import { openProgress } from './progress.ts';
import type { CaptureDump } from './record.ts';

const NAME = 'vmcore';
/** SHA-256 takes longer than compressing on a CPU without instructions for it; this one tells every flipped bit too. */
const DIGEST_ALGORITHM = 'crc32';
/** The first is by what the file system says, the others by what it then did. */
const MOST_ATTEMPTS = 4;
/** A block may have gone wrong once; a disk that does so twice is not one to try a third time. */
const MOST_REWRITES = 1;

/**
 * @throws whatever keeps the dump from being whole; then `vmcore-incomplete` stays as far as it was written, marked as
 * such in its header. TargetError NO_SPACE: there is none for any dump, and no file of one is left.
 */
export function captureDump(
  context: CaptureContext,
  crash: Crash,
  place: DumpPlace,
  phases: Phases,
  keeper: RoomKeeper,
): CaptureDump {
  const planner = new DumpPlanner(context, crash, phases, place.scratch);
  let file: DumpFile | undefined;
  try {
    const { pages, codec } = planner.plan(LADDER[0]);
    const level = describeDumpLevel(pages.dumpLevel);
    context.log.say(
      'dump',
      `${pages.bitmap2.count()} pages at dump level ${level}, ${codec.name} by ${codec.implementation}`,
    );
    let rewrites = 0;
    for (let attempt = 1; ; attempt++) {
      const choice = chooseDump(planner, keeper);
      if (!choice) {
        file?.discard();
        throw keeper.exhausted();
      }
      file ??= place.create(NAME);
      const isLast = attempt >= MOST_ATTEMPTS;
      const planned = planner.plan(choice.step);
      if (!reserveRoom(context, file, choice, keeper) && !isLast) continue;
      const sink = trackEnd(file.sink);
      try {
        const bound = choice.step.isBounded
          ? phases.run('space', () => planner.bound(planned, choice.roomBytes))
          : undefined;
        const result = phases.run('dump', () => write(context, crash, planned, bound, sink, phases));
        file.setLength(result.counts.bytesWritten);
        phases.run('verify', () => verify(context, file!, result, phases));
        return commit(context, file, planned, result, phases, keeper);
      } catch (error) {
        const isFull = error instanceof TargetError && error.code === 'ENOSPC' && !isLast;
        const isDamaged = error instanceof DumpFormatError && error.code === 'READ_BACK';
        if (!isFull && !(isDamaged && rewrites++ < MOST_REWRITES)) {
          shorten(context, file, sink);
          throw error;
        }
        if (isFull) keeper.refused(file, sink.endOffset);
        else context.log.warn('verify', `${describeError(error)}; it is written once more`);
        file.setLength(0);
      }
    }
  } finally {
    file?.close();
    planner.close();
  }
}

function chooseDump(planner: DumpPlanner, keeper: RoomKeeper): Choice | undefined {
  const choice = chooseStep(
    {
      needBytes: step => planner.plan(step).prediction.needBytes,
      dataOffset: step => planner.plan(step).layout.dataOffset,
      room: () => keeper.room(),
      makeRoom: bytes => keeper.makeRoom(bytes),
      isOther: step => planner.isOther(step),
    },
    (step, needBytes, roomBytes) =>
      keeper.step(`no room for ${step.name}: it needs up to ${needBytes} bytes, there are ${roomBytes}`),
  );
  if (!choice) {
    keeper.step('no room for any dump: the kernel’s log is what is saved');
    return undefined;
  }
  const { codec, pages, prediction } = planner.plan(choice.step);
  keeper.predicted(choice.step.isBounded ? Math.min(prediction.bytes, choice.roomBytes) : prediction.bytes);
  keeper.step(
    `taking ${choice.step.name} (level ${pages.dumpLevel}, ${codec.name} ${codec.level}): ` +
      `${prediction.bytes} bytes predicted, at most ${prediction.needBytes}; there is room for ${choice.roomBytes}`,
  );
  return choice;
}

/** False when the file system said no; what it did take is known then. */
function reserveRoom(
  { libc, log }: CaptureContext,
  file: DumpFile,
  { step, roomBytes, needBytes }: Choice,
  keeper: RoomKeeper,
): boolean {
  const wantedBytes = Math.min(needBytes, step.isBounded ? roomBytes : needBytes);
  const reservation = reserve(libc, file, wantedBytes);
  keeper.reserved(reservation === 'reserved');
  if (reservation === 'refused') {
    keeper.refused(file, wantedBytes);
    file.setLength(0);
    return false;
  }
  if (typeof reservation === 'object') log.warn('dump', `its room is not reserved: ${reservation.unknown}`);
  return true;
}

function write(
  { log, clock, hooks }: CaptureContext,
  crash: Crash,
  { pages, codec, layout }: PlannedDump,
  bound: Bound | undefined,
  sink: EndTracking,
  phases: Phases,
): DumpResult {
  const progress = openProgress(layout.block_size, text => log.say('dump', text), clock.seconds);
  const { bitmap2, dumpLevel } = pages;
  return writeDump(
    { ...crashFacts(crash), bitmap2, dumpLevel, codec, digestAlgorithm: DIGEST_ALGORITHM, bound },
    sink,
    {
      onProgress(done, total) {
        hooks.onProgress?.(done, total);
        phases.checkDeadline('dump');
        progress.report(done, total);
      },
      onWarning: text => log.warn('dump', text),
    },
  );
}

function commit(
  { log }: CaptureContext,
  file: DumpFile,
  planned: PlannedDump,
  result: DumpResult,
  phases: Phases,
  keeper: RoomKeeper,
): CaptureDump {
  const { pagesMissing, pagesDumped } = result.counts;
  const isComplete = pagesMissing === 0;
  phases.runLast('commit', () => (isComplete ? file.commit() : file.keep()));
  const manifest = describe(result, planned, isComplete ? NAME : file.incompleteName);
  keeper.written(manifest.bytes);
  log.say('dump', summarize(manifest));
  if (isComplete) return { manifest };
  return { manifest, lacks: `there was no room for ${pagesMissing} of ${pagesDumped} pages` };
}

/** What was reserved and not written is of no use to anyone. Cosmetic. */
function shorten({ log }: CaptureContext, file: DumpFile, { endOffset }: EndTracking): void {
  try {
    file.setLength(endOffset);
  } catch (error) {
    log.warn('dump', describeError(error));
  }
}

/** From the disk, not from the memory that was written to it. @throws DumpFormatError READ_BACK */
function verify(
  { libc }: CaptureContext,
  file: DumpFile,
  { digest, counts }: DumpResult,
  phases: Phases,
): void {
  libc?.dropCache(file.fd);
  const written = file.readBack();
  try {
    const damaged = damagedRegions(written, digest, () => phases.checkDeadline('verify'));
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
  { pages: { dumpLevel: level, pages: byClass }, codec, layout: { block_size: pageSizeBytes } }: PlannedDump,
  name: string,
): ManifestDump {
  const { counts, digest } = result;
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
