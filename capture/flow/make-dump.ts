/** The dump on one target: skipped in a crash loop, or made in the room that there is; then old dumps are removed. */
import { dirname } from 'node:path';
import { attempt, counted, describeError } from '../errors.ts';
import type { Crash } from '../kernel/crash.ts';
import type { Log } from '../log.ts';
import type { ManifestDump } from '../storage/manifest.ts';
import type { DumpPlace } from '../storage/place/place.ts';
import { judgeCrashLoop, parseCrashLoop } from '../storage/policy/crash-loop.ts';
import { type RetentionLog, removeOldest, retain } from '../storage/policy/retain.ts';
import { RoomKeeper } from '../storage/policy/room.ts';
import { reportFailure } from './advice.ts';
import { captureDump } from './dump.ts';
import type { Course, Made, Scene, Verdict } from './record.ts';

/** Never throws. */
export function makeDump(course: Course, crash: Crash, place: DumpPlace, scene: Scene): Made {
  const { log } = course.context;
  // An error in the guard must not cost the dump.
  const loop = attempt(
    () => crashLoop(course, place),
    error => log.warn('dump', describeError(error)),
  );
  if (loop) {
    log.warn('dump', loop);
    return { verdict: { state: 'skipped', reason: loop } };
  }
  let keeper: RoomKeeper | undefined;
  let verdict: Verdict;
  let triage: ManifestDump | undefined;
  const onTriage = (made: ManifestDump) => {
    triage = made;
  };
  try {
    keeper = openKeeper(course, place);
    verdict = captureDump({ ...course, crash, place, keeper, scene, onTriage });
    if (verdict.state === 'complete') removeExpired(course, place, keeper);
    else log.warn('dump', verdict.lacks);
  } catch (error) {
    verdict = { state: 'failed', reason: reportFailure(log, 'dump', error) };
  }
  return { verdict, space: keeper?.record(), triage };
}

/** Why this crash gets no dump: the machine crashes again and again. Undefined otherwise. */
function crashLoop({ context, findings, stamp }: Course, { scratch, name }: DumpPlace): string | undefined {
  const { crashLoop: setting } = context.options;
  const limit = parseCrashLoop(setting);
  if (!limit || !scratch) return undefined;
  const { uptimeSeconds } = findings;
  const crash = { seconds: Date.parse(stamp.time) / 1000, trusted: stamp.trusted, uptimeSeconds };
  const before = judgeCrashLoop(dirname(scratch), name, limit, crash);
  if (before === undefined) return undefined;
  return `a crash loop: ${counted(before, 'capture')} just before this one (crashLoop ${setting}); no dump is made`;
}

function openKeeper({ context: { options, log } }: Course, place: DumpPlace): RoomKeeper {
  return new RoomKeeper({
    directory: place.scratch,
    // Bitmaps may take room of a partition meanwhile.
    get mostFileBytes() {
      return place.mostFileBytes;
    },
    options,
    say: text => log.say('space', text),
    warn: text => log.warn('space', text),
    removeOldest: () => removeOldest(place, retentionLog(log)),
  });
}

/** Cosmetic: the dump is safe, whatever happens to the older ones. */
function removeExpired({ context, phases }: Course, place: DumpPlace, keeper: RoomKeeper): void {
  const { options, log } = context;
  attempt(
    () => phases.runLast('retention', () => retain(options, place, keeper, retentionLog(log))),
    error => log.warn('retention', describeError(error)),
  );
}

function retentionLog(log: Log): RetentionLog {
  return {
    say: text => log.say('retention', text),
    warn: text => log.warn('retention', text),
  };
}
