/** One crash, saved to one target: the kernel's log, the dump, the manifest. */
import { dirname } from 'node:path';
import { attempt, describeError } from '../errors.ts';
import type { Crash } from '../kernel/crash.ts';
import { PanicFinder } from '../kernel/panic-line.ts';
import type { TargetSpec } from '../options/target-spec.ts';
import type { DumpPlace } from '../storage/place/place.ts';
import { judgeCrashLoop, parseCrashLoop } from '../storage/policy/crash-loop.ts';
import { type RetentionLog, removeOldest, retain } from '../storage/policy/retain.ts';
import { RoomKeeper } from '../storage/policy/room.ts';
import { reportFailure } from './advice.ts';
import { logLines } from './crash-log.ts';
import { captureDump } from './dump.ts';
import { writeEpilogue } from './epilogue.ts';
import type { Course, Saving } from './record.ts';
import { openCaptureTarget } from './target.ts';

/**
 * Everything that one target takes, in order. What goes wrong is in the saving's `failure`; the evidence that was saved
 * before it stays.
 * @param failure what went wrong before there was a target.
 */
export function saveTo(course: Course, spec: TargetSpec, failure: string | undefined): Saving {
  const { context, crash, phases, stamp } = course;
  const { options, log } = context;
  const saving: Saving = { spec, files: [], failure };
  const fail = (phase: string) => (error: unknown) => {
    const text = reportFailure(log, phase, error);
    saving.failure ??= text;
  };
  const target = attempt(() => phases.run('target', () => openCaptureTarget(context, spec)), fail('target'));
  if (!target) return saving;
  const place = attempt(() => target.createPlace(options.path, stamp.name), fail('target'));
  if (place) {
    saving.place = place;
    saving.device = target.device;
    log.say('target', `saving to ${place.pathOnHost} on ${target.device}`);
    if (crash) {
      // Degradable: without the log the dump is still worth having, and carries it.
      attempt(
        () => phases.run('dmesg', () => saveLog(course, crash, place, saving)),
        error => log.warn('dmesg', describeError(error)),
      );
      // The guard must not cost a dump by a fault of its own.
      saving.skipped = attempt(
        () => crashLoop(course, place),
        error => log.warn('dump', describeError(error)),
      );
      if (saving.skipped) log.warn('dump', saving.skipped);
      else attempt(() => saveDump(course, crash, place, saving), fail('dump'));
    }
    attempt(() => writeEpilogue(course, place, saving), fail('commit'));
  }
  attempt(
    () => phases.runLast('unmount', () => target.close()),
    error => log.warn('unmount', describeError(error)),
  );
  return saving;
}

function saveLog({ context, findings }: Course, crash: Crash, place: DumpPlace, saving: Saving): void {
  const { log } = context;
  const finder = new PanicFinder();
  const file = place.writeDurably('vmcore-dmesg.txt', logLines(crash, log, finder));
  saving.files.push(file);
  findings.logSaved = true;
  findings.reason = finder.reason;
  findings.uptimeSeconds = finder.uptimeSeconds;
  log.say('dmesg', `${file.name} is safe, ${file.bytes} bytes`);
  log.say('dmesg', `the kernel crashed with: ${findings.reason ?? '(its log does not say why)'}`);
}

/** Why this crash gets no dump; undefined for all but a machine that crashes again and again. */
function crashLoop({ context, findings, stamp }: Course, { scratch, name }: DumpPlace): string | undefined {
  const { options } = context;
  const { uptimeSeconds } = findings;
  const limit = parseCrashLoop(options.crashLoop);
  if (!limit || !scratch) return undefined;
  const crash = { seconds: Date.parse(stamp.time) / 1000, trusted: stamp.trusted, uptimeSeconds };
  const before = judgeCrashLoop(dirname(scratch), name, limit, crash);
  if (before === undefined) return undefined;
  return `a crash loop: ${before} captures just before this one (crashLoop ${options.crashLoop}); the kernel log alone is saved`;
}

function saveDump({ context, phases }: Course, crash: Crash, place: DumpPlace, saving: Saving): void {
  const { options, log } = context;
  const retention: RetentionLog = {
    say: text => log.say('retention', text),
    warn: text => log.warn('retention', text),
  };
  const keeper = new RoomKeeper({
    directory: place.scratch,
    mostFileBytes: place.mostFileBytes,
    options,
    say: text => log.say('space', text),
    warn: text => log.warn('space', text),
    removeOldest: () => removeOldest(place, retention),
  });
  saving.keeper = keeper;
  const dump = captureDump(context, crash, place, phases, keeper);
  saving.dump = dump;
  saving.files.push({ name: dump.manifest.name, bytes: dump.manifest.bytes });
  if (dump.lacks) {
    log.warn('dump', dump.lacks);
    saving.failure ??= `dump: it is incomplete: ${dump.lacks}`;
    return;
  }
  // Cosmetic: the dump is safe, whatever becomes of the older ones.
  attempt(
    () => phases.runLast('retention', () => retain(options, place, keeper, retention)),
    error => log.warn('retention', describeError(error)),
  );
}
