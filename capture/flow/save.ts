/** One crash, saved to one target: the kernel log, the dump, the manifest. */
import { attempt, describeError } from '../errors.ts';
import type { Crash } from '../kernel/crash.ts';
import { PanicFinder } from '../kernel/panic-line.ts';
import type { TargetSpec } from '../options/target-spec.ts';
import type { ManifestFile } from '../storage/manifest.ts';
import type { OpenTarget } from '../storage/open-target.ts';
import type { DumpPlace, TextPlace } from '../storage/place/place.ts';
import { reportFailure } from './advice.ts';
import { AutopsySaving } from './autopsy.ts';
import { logLines } from './crash-log.ts';
import { writeEpilogue } from './epilogue.ts';
import { makeDump } from './make-dump.ts';
import type { Course, Made, Saving } from './record.ts';

/** Never throws. What fails is in the saving's verdict; what was saved before it stays. */
export function saveTo(course: Course, spec: TargetSpec): Saving {
  const { context, evidence, phases, stamp } = course;
  const { log, options } = context;
  const failed = (error: unknown): Saving => {
    const failure = reportFailure(log, 'target', error);
    const reason = evidence.crash ? failure : evidence.failure;
    return { spec, files: [], verdict: { state: 'failed', reason } };
  };
  let target: OpenTarget;
  try {
    target = phases.run('target', () => context.openTarget(spec));
  } catch (error) {
    return failed(error);
  }
  try {
    const place = target.createPlace(options.path, stamp.name);
    return saveInto(course, { spec, device: target.device, place });
  } catch (error) {
    return failed(error);
  } finally {
    attempt(
      () => phases.runLast('unmount', () => target.close()),
      error => log.warn('unmount', describeError(error)),
    );
  }
}

interface Destination {
  readonly spec: TargetSpec;
  readonly device: string;
  readonly place: DumpPlace;
}

/** Never throws. */
function saveInto(course: Course, { spec, device, place }: Destination): Saving {
  const { evidence, context } = course;
  const { log } = context;
  const { pathOnHost } = place;
  log.say('target', `saving to ${pathOnHost} on ${device}`);
  const files: ManifestFile[] = [];
  const made: Made = evidence.crash
    ? saveEvidence(course, evidence.crash, place, files)
    : { verdict: { state: 'failed', reason: evidence.failure } };
  const { verdict } = made;
  const { triage } = made;
  if (triage) files.push({ name: triage.name, bytes: triage.bytes });
  if ('dump' in verdict) files.push({ name: verdict.dump.name, bytes: verdict.dump.bytes });
  attempt(
    () => writeEpilogue(course, place, files, made),
    error => reportFailure(log, 'commit', error),
  );
  return { spec, place: { pathOnHost, device }, files, verdict };
}

/**
 * The log comes first: it needs no other process and no guess. The autopsy is before the dump, which takes long and may not fit.
 * Where another CPU goes on with it, its program is at work already (capture.ts), and the dump decides what is first (beside.ts).
 */
function saveEvidence(course: Course, crash: Crash, place: DumpPlace, files: ManifestFile[]): Made {
  const { context, phases } = course;
  const scene = new AutopsySaving(course, place, saved => files.push(...saved));
  // Degradable: a dump without this file is still worth having, and carries the same log.
  attempt(
    () => files.push(phases.run('dmesg', () => saveLog(course, crash, place))),
    error => context.log.warn('dmesg', describeError(error)),
  );
  scene.look(); // from now on its program may read
  if (context.compressors.cpus === 1) scene.finish();
  const made = phases.attending(
    () => scene.look(),
    () => makeDump(course, crash, place, scene),
  );
  scene.finish();
  return made;
}

function saveLog({ context, findings, phases }: Course, crash: Crash, place: TextPlace): ManifestFile {
  const { log } = context;
  const finder = new PanicFinder();
  const file = place.writeDurably(
    'vmcore-dmesg.txt',
    withProgress(logLines(crash, log, finder), () => phases.madeProgress()),
  );
  findings.isLogSaved = true;
  findings.reason = finder.reason;
  findings.uptimeSeconds = finder.uptimeSeconds;
  log.say('dmesg', `${file.name} is safe, ${file.bytes} bytes`);
  log.say('dmesg', `the kernel crashed with: ${findings.reason ?? '(its log does not say why)'}`);
  return file;
}

const LINES_PER_SIGN = 64;

function* withProgress(lines: Iterable<string>, onProgress: () => void): Generator<string> {
  let count = 0;
  for (const line of lines) {
    if (++count % LINES_PER_SIGN === 0) onProgress();
    yield line;
  }
}
