/** One capture, from the crash to the files: what happens in which order, and what each failure leaves behind. */

import { openCaptureTarget } from './capture-target.ts';
import { type Crash, openCrash } from './crash.ts';
import { showLogOnConsole } from './crash-log.ts';
import { attempt } from './errors.ts';
import type { Libc } from './ffi/libc.ts';
import type { Ffi } from './ffi/library.ts';
import type { Heartbeat } from './init/heartbeat.ts';
import { loadModules } from './init/modules.ts';
import type { System } from './init/system.ts';
import type { Log } from './log.ts';
import type { CaptureOptions } from './options.ts';
import { type CaptureHooks, type Clock, Phases } from './phases.ts';
import { type Course, isComplete, type Saving, saveTo, told } from './saving.ts';
import { type ManifestFile, stampOf } from './target/manifest.ts';
import type { OpenTarget } from './target/open-target.ts';
import { parseTargetSpec, type TargetSpec } from './target/target-spec.ts';
import { type OpenFile, openVmcoreFile } from './vmcore/reader.ts';

export interface CaptureContext {
  readonly options: CaptureOptions;
  readonly log: Log;
  readonly clock: Clock;
  readonly heartbeat: Heartbeat;
  readonly system: System;
  /** Undefined where the FFI could not be opened. */
  readonly ffi: Ffi | undefined;
  readonly libc: Libc | undefined;
  readonly hooks: CaptureHooks;
  readonly vmcorePath: string;
}

export type Outcome =
  | { readonly saved: true; readonly directory: string; readonly files: readonly ManifestFile[] }
  | {
      readonly saved: false;
      readonly reason: string;
      /** Where the partial evidence lies, as far as any of it could be written. */
      readonly places: readonly string[];
      /** Mounts the target again, the first that has evidence, for a person. */
      readonly reopen?: () => OpenTarget;
      /** Where on it the evidence lies. */
      readonly reopenedDirectory?: string;
    };

/** Never throws: a capture that fails is an outcome. */
export function capture(context: CaptureContext): Outcome {
  const { options, log, clock, system, hooks, heartbeat } = context;
  const phases = new Phases(clock, options.deadlineSeconds, hooks, heartbeat);
  phases.seconds.boot = Number(clock.seconds().toFixed(3));

  let openFailure: string | undefined;
  const crash = attempt(
    () => phases.run('open', () => openVmcorePhase(context)),
    error => {
      openFailure = told(log, 'open', error);
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
  const first = { fstype, device: target, mountOptions, uuid: targetUuid || undefined };
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
  const forPerson = [...withEvidence, ...savings].find(({ spec }) => spec.fstype !== 'raw');
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
