/** One capture, from the crash to the files: what happens in which order, and what each failure leaves behind. */

import { attempt } from '../errors.ts';
import { loadModules } from '../init/modules.ts';
import { type Crash, openCrash } from '../kernel/crash.ts';
import type { CaptureOptions } from '../options/schema.ts';
import { parseTargetSpec, type TargetSpec, targetSpec } from '../options/target-spec.ts';
import { stampOf } from '../storage/manifest.ts';
import { type OpenFile, openVmcoreFile } from '../vmcore/reader.ts';
import { reportFailure } from './advice.ts';
import type { CaptureContext } from './context.ts';
import { showLogOnConsole } from './crash-log.ts';
import { Phases } from './phases.ts';
import { type Course, isComplete, type Outcome, type Saving } from './record.ts';
import { saveTo } from './save.ts';
import { openCaptureTarget } from './target.ts';

/** Never throws: a capture that fails is an outcome. */
export function capture(context: CaptureContext): Outcome {
  const { options, log, clock, system, hooks, heartbeat } = context;
  const phases = new Phases(clock, options.deadlineSeconds, hooks, heartbeat);
  phases.seconds.boot = Number(clock.seconds().toFixed(3));

  let openFailure: string | undefined;
  const crash = attempt(
    () => phases.run('open', () => openVmcorePhase(context)),
    error => {
      openFailure = reportFailure(log, 'open', error);
    },
  );
  loadModules(options.modules, system, log);
  // Asked once: no two of the places may tell two times.
  const stamp = stampOf(crash?.vmcore.vmcoreinfo.crashTimeSeconds, clock.wallSeconds());
  const course: Course = { context, crash, stamp, phases, findings: { logSaved: false } };
  const savings: Saving[] = [];
  for (const spec of targetsOf(options)) {
    const saving = saveTo(course, spec, openFailure);
    savings.push(saving);
    // Without a vmcore there is nothing that another target could take.
    if (isComplete(saving) || saving.skipped || (!crash && saving.files.length > 0)) break;
  }
  if (crash && !course.findings.logSaved) showLogOnConsole(crash, log, system);
  return conclude(context, savings);
}

/** The target that is wanted, and those that stand in for it. */
function targetsOf({
  target,
  fstype,
  targetUuid,
  mountOptions,
  fallbackTargets,
}: CaptureOptions): TargetSpec[] {
  const first = targetSpec(fstype, target, mountOptions, targetUuid);
  return [first, ...fallbackTargets.flatMap(text => parseTargetSpec(text) ?? [])];
}

function openVmcorePhase({ vmcorePath, libc, log }: CaptureContext): Crash {
  const source: OpenFile = openVmcoreFile(vmcorePath, libc);
  const crash = openCrash(source);
  for (const warning of crash.warnings) log.warn('open', warning);
  const { vmcore, utsname } = crash;
  const megabytes = (source.sizeBytes / 1e6).toFixed(0);
  log.say(
    'open',
    `${vmcorePath} has ${megabytes} MB of ${utsname.release} in ${vmcore.segments.segments.length} segments, ${source.mapped ? 'mapped' : 'by read'}`,
  );
  return crash;
}

function conclude(context: CaptureContext, savings: readonly Saving[]): Outcome {
  // A path alone is one on the target that was wanted.
  const placeOf = ({ place, device }: Saving) =>
    savings.length === 1 || place?.pathOnHost === device
      ? place?.pathOnHost
      : `${place?.pathOnHost} on ${device}`;
  const whole = savings.find(isComplete);
  const directory = whole && placeOf(whole);
  if (directory) return { saved: true, directory, files: whole.files };
  const withEvidence = savings.filter(({ files }) => files.length > 0);
  const forPerson = [...withEvidence, ...savings].find(({ spec }) => spec.kind === 'file system');
  return {
    saved: false,
    reason: reasonOf(savings),
    places: withEvidence.flatMap(saving => placeOf(saving) ?? []),
    reopen: forPerson && (() => openCaptureTarget(context, forPerson.spec)),
    reopenedDirectory: forPerson?.place?.pathOnHost,
  };
}

function reasonOf(savings: readonly Saving[]): string {
  const skipped = savings.find(saving => saving.skipped)?.skipped;
  return skipped ?? savings.find(({ failure }) => failure)?.failure ?? 'the dump was not finished';
}
