/** From plan to commit: the dump that there is room for, written as vmcore-incomplete, verified, and then named vmcore. */
import { attempt, DumpFormatError, describeError, TargetError } from '../errors.ts';
import { describeDumpLevel } from '../filter/dump-level.ts';
import type { DumpFile } from '../storage/place/place.ts';
import { type Choice, chooseStep, LADDER } from '../storage/policy/ladder.ts';
import type { RoomKeeper } from '../storage/policy/room.ts';
import { BesideDump } from './beside.ts';
import { openOutlet } from './outlet.ts';
import { DumpPlanner } from './plan.ts';
import type { DumpRequest, MadeDump } from './record.ts';
import { commitDump, DUMP_NAME, reserveRoom, verifyDump, type Writing, writeVmcore } from './write-dump.ts';

/** The first choice follows what the file system reports, the others what it then did. */
const MOST_ROUNDS = 4;
/** One damaged block may be chance; a disk that returns wrong data twice is not tried a third time. */
const MOST_REWRITES = 1;

/**
 * @throws whatever keeps the dump from being whole. Then `vmcore-incomplete` stays as far as it was written. TargetError
 * NO_SPACE: there is no room for any dump, and no file of one is left.
 */
export function captureDump(request: DumpRequest): MadeDump {
  const planner = new DumpPlanner(request);
  try {
    sayPlan(request, planner);
    const beside = new BesideDump(request, planner);
    beside.takeFirst();
    let made: MadeDump | undefined;
    try {
      made = makeInRoom(request, planner, () => beside.take());
      return made;
    } finally {
      beside.takeLast(made);
    }
  } finally {
    planner.close();
  }
}

/** @param beforeAnother is called before another round: it is for a dump of another size. */
function makeInRoom(request: DumpRequest, planner: DumpPlanner, beforeAnother: () => void): MadeDump {
  const { context, place, keeper } = request;
  let file: DumpFile | undefined;
  try {
    let rewrites = 0;
    for (let round = 1; ; round++) {
      if (round > 1) beforeAnother();
      const isLast = round >= MOST_ROUNDS;
      const choice = chooseDump(planner, keeper);
      if (!choice) {
        file?.discard();
        throw keeper.exhausted();
      }
      file ??= place.create(DUMP_NAME);
      const planned = planner.plan(choice.step);
      const reservation = reserveRoom(request, file, choice, planned.holes);
      if (reservation === 'refused' && !isLast) continue;
      const { sink, close } = openOutlet(context, file, planned.layout.dataOffset, reservation);
      const writing: Writing = { ...request, planned, file, sink, phase: 'dump' };
      try {
        return writeChosen(writing, choice, planner);
      } catch (error) {
        close();
        const isFull = error instanceof TargetError && error.code === 'ENOSPC' && !isLast;
        const isDamaged = error instanceof DumpFormatError && error.code === 'READ_BACK';
        if (isFull) keeper.refused(file, writing.sink.endOffset);
        else if (isDamaged && rewrites++ < MOST_REWRITES) {
          context.log.warn('verify', `${describeError(error)}; the dump is written once more`);
        } else {
          shorten(writing);
          throw error;
        }
        file.setLength(0);
      }
    }
  } finally {
    file?.close();
  }
}

function sayPlan({ context: { log } }: DumpRequest, planner: DumpPlanner): void {
  const { pages, codec } = planner.plan(LADDER[0]);
  const level = describeDumpLevel(pages.dumpLevel);
  log.say(
    'dump',
    `${pages.bitmap2.count()} pages at dump level ${level}, ${codec.name} by ${codec.implementation}`,
  );
}

function chooseDump(planner: DumpPlanner, keeper: RoomKeeper): Choice | undefined {
  const choice = chooseStep(
    {
      needBytes: step => planner.plan(step).prediction.needBytes,
      dataOffset: step => planner.plan(step).layout.dataOffset - planner.plan(step).holeBytes,
      room: () => keeper.room(),
      makeRoom: bytes => keeper.makeRoom(bytes),
      isOther: step => planner.isOther(step),
    },
    (step, needBytes, roomBytes) =>
      keeper.step(`no room for ${step.name}: it needs up to ${needBytes} bytes, there are ${roomBytes}`),
  );
  if (!choice) {
    keeper.step('no room for any dump: none is made');
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

function writeChosen(writing: Writing, { step, roomBytes }: Choice, planner: DumpPlanner): MadeDump {
  const { phases, planned, file } = writing;
  const bound = step.isBounded ? phases.run('space', () => planner.bound(planned, roomBytes)) : undefined;
  const result = phases.run('dump', () => writeVmcore(writing, bound));
  file.setLength(result.counts.bytesWritten);
  phases.run('verify', () => verifyDump(writing, result));
  return commitDump(writing, result);
}

/** Cosmetic: gives back the blocks that were reserved and not written. */
function shorten({ context: { log }, file, sink }: Writing): void {
  attempt(
    () => file.setLength(sink.endOffset),
    error => log.warn('dump', describeError(error)),
  );
}
