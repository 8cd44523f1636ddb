/**
 * The triage dump: some thousand pages in which crash and drgn show log, tasks, stacks and modules. It is made before the
 * dump, so that a dump that is lost or does not fit leaves it; where the autopsy goes on beside the dump (beside.ts), after it.
 * Whatever fails here, the dump is made.
 */
import { join } from 'node:path';
import { attempt, describeError } from '../errors.ts';
import { DUMP_LEVEL_ZERO } from '../filter/dump-level.ts';
import { copiedPages } from '../kdump/combine/copied-pages.ts';
import type { PageFeed } from '../kdump/write/writer.ts';
import type { ManifestDump } from '../storage/manifest.ts';
import { trackEnd } from '../storage/place/file-sink.ts';
import type { DumpFile } from '../storage/place/place.ts';
import { TRIAGE_DUMP } from '../storage/policy/dump-state.ts';
import { LADDER } from '../storage/policy/ladder.ts';
import { openVmcoreFile } from '../vmcore/reader.ts';
import { DeadlineError } from './phases.ts';
import type { DumpPlanner, PlannedDump } from './plan.ts';
import type { DumpRequest } from './record.ts';
import { DUMP_NAME, describeDump, verifyDump, type Writing, writeVmcore } from './write-dump.ts';

/** What became of the dump, if that is made before. */
export type TriageAfter = 'follows' | 'failed' | ManifestDump;

/**
 * @param dump one that is still to be made needs its room; from one that is whole the pages are copied.
 * @returns its record for the manifest; undefined where there is none.
 * @throws DeadlineError
 */
export function saveTriage(
  request: DumpRequest,
  planner: DumpPlanner,
  dump: TriageAfter,
): ManifestDump | undefined {
  const { log, options } = request.context;
  const skip = (why: string): undefined => {
    log.say('triage', `skipped: ${why}`);
  };
  if (options.triage === 'no') return undefined;
  // A partition has room for one dump, and the dump is worth more.
  if (request.place.scratch === undefined) return skip('the target has no file system');
  const pages = request.findings.autopsy?.pages;
  if (!pages) return skip('its pages are not known without the autopsy');
  try {
    const wanted = options.triage === 'tables' ? pages.pfns : pages.pfns.slice(0, pages.debuggerPages);
    if (typeof dump === 'object') {
      const copied = request.phases.run('triage', () => copyFrom(dump, request, planner, wanted));
      if (copied) return copied;
    }
    const planned =
      dump === 'follows' ? planBoth(request, planner, wanted) : planAlone(request, planner, wanted);
    if (typeof planned === 'string') return skip(planned);
    return request.phases.run('triage', () => write(request, planned));
  } catch (error) {
    if (error instanceof DeadlineError) throw error;
    log.warn('triage', describeError(error));
    return undefined;
  }
}

/**
 * It must not be what a complete dump has no room for: there is room for both, or for no complete dump anyway.
 * @returns why there is none.
 */
function planBoth(
  { context, keeper }: DumpRequest,
  planner: DumpPlanner,
  pfns: readonly number[],
): PlannedDump | string {
  const [wished] = LADDER;
  const planned = planner.planTriage(pfns);
  if (!planned) return NO_PAGES;
  const { needBytes } = planned.prediction;
  const { users, root } = keeper.room();
  if (planner.plan(wished!).prediction.needBytes + needBytes <= users) return planned;
  const smallest = LADDER.findLast(({ isBounded }) => !isBounded)!;
  const mayFit = context.options.makeRoom === 'oldest' || planner.plan(smallest).prediction.needBytes <= root;
  if (mayFit) return 'its room is for the dump';
  if (needBytes > root) return tooLarge(needBytes, root);
  // A plan of another level has taken the place of the one that this was made from.
  const isSame = planner.levelOf(smallest) === planner.levelOf(wished!);
  return (isSame ? planned : planner.planTriage(pfns)) ?? NO_PAGES;
}

/** @returns why there is none. */
function planAlone(
  { keeper }: DumpRequest,
  planner: DumpPlanner,
  pfns: readonly number[],
): PlannedDump | string {
  const planned = planner.planTriage(pfns);
  if (!planned) return NO_PAGES;
  const { needBytes } = planned.prediction;
  const { users } = keeper.room();
  return needBytes > users ? tooLarge(needBytes, users) : planned;
}

/** Undefined where it must be made of the memory: of another level or codec than was wished, or where it may not fit. */
function copyFrom(
  { level, codec, pages: { unreadable } }: ManifestDump,
  request: DumpRequest,
  planner: DumpPlanner,
  pfns: readonly number[],
): ManifestDump | undefined {
  const { layout, pages, codec: wished } = planner.plan(LADDER[0]);
  const { bitmap2, dumpLevel } = pages;
  if (level !== dumpLevel || codec !== wished.name || unreadable > 0) return undefined;
  const source = openVmcoreFile(join(request.place.scratch!, DUMP_NAME), undefined);
  try {
    const sharesZeroPage = (dumpLevel & DUMP_LEVEL_ZERO) !== 0;
    const dump = { source, layout, bitmap2, sharesZeroPage };
    const planned = planner.planTriage(pfns, dump);
    if (!planned || planned.prediction.needBytes > request.keeper.room().users) return undefined;
    return write(request, planned, copiedPages(dump, planned.pages.bitmap2));
  } finally {
    source.close();
  }
}

const NO_PAGES = 'none of its pages is in the dump';

function tooLarge(needBytes: number, roomBytes: number): string {
  return `it needs ${needBytes} bytes, there is room for ${roomBytes}`;
}

function write(request: DumpRequest, planned: PlannedDump, feed?: PageFeed): ManifestDump {
  const { context, place } = request;
  const file = place.create(TRIAGE_DUMP);
  let isDone = false;
  try {
    const writing: Writing = { ...request, planned, file, sink: trackEnd(file.sink), phase: 'triage', feed };
    const result = writeVmcore(writing);
    file.setLength(result.counts.bytesWritten);
    verifyDump(writing, result);
    const dump = describeDump(TRIAGE_DUMP, planned, result);
    file.commit();
    isDone = true;
    context.log.say('triage', `${dump.name} is safe: ${dump.pages.dumped} pages, ${dump.bytes} bytes`);
    return dump;
  } finally {
    if (!isDone) discard(request, file);
    file.close();
  }
}

/** It would take room from the dump, which has all of it. */
function discard({ context: { log } }: DumpRequest, file: DumpFile): void {
  attempt(
    () => file.discard(),
    error => log.warn('triage', describeError(error)),
  );
}
