/** One capture, from the crash to the files: the order of the steps, and what follows when one of them fails. */
import { attempt, describeError } from '../errors.ts';
import { watchMemory } from '../init/meminfo.ts';
import { loadModules } from '../init/modules.ts';
import { type Crash, openCrash } from '../kernel/crash.ts';
import type { Log } from '../log.ts';
import type { CaptureOptions } from '../options/schema.ts';
import { parseTargetSpec, type TargetSpec, targetSpec } from '../options/target-spec.ts';
import { stampOf } from '../storage/manifest.ts';
import { openVmcoreFile } from '../vmcore/reader.ts';
import { reportFailure } from './advice.ts';
import { hasRoomBeside } from './autopsy-run.ts';
import { AutopsyWork } from './autopsy-work.ts';
import type { CaptureContext } from './context.ts';
import { showLogOnConsole } from './crash-log.ts';
import { Phases } from './phases.ts';
import {
  type Course,
  type Evidence,
  type Findings,
  type Outcome,
  type RescueTarget,
  reasonOf,
  type Saving,
} from './record.ts';
import { saveTo } from './save.ts';

/** Never throws: a capture that fails is an outcome. */
export function capture(context: CaptureContext): Outcome {
  const { options, log, clock, system, hooks } = context;
  const { heartbeat, low } = watchMemory(context.heartbeat, context.readText);
  const phases = new Phases({ clock, deadlineSeconds: options.deadlineSeconds, hooks, heartbeat });
  phases.seconds.boot = Number(clock.seconds().toFixed(3));

  const evidence = openEvidence(context, phases);
  const { crash } = evidence;
  const findings: Findings = { isLogSaved: false };
  const autopsy = new AutopsyWork(context, findings, phases.seconds.boot);
  const savings = phases.attending(
    () => {
      // It does not read before: whatever reads damaged memory may end the machine.
      if (findings.isLogSaved) autopsy.look();
    },
    () => {
      if (crash && hasRoomBeside(context)) startBeside(autopsy, phases, log);
      loadModules(options.modules, context);
      // Read once, so that every target has the same stamp.
      const stamp = stampOf(crash?.vmcore.vmcoreinfo.crashTimeSeconds, clock.wallSeconds());
      const course: Course = { context, evidence, stamp, phases, memoryLow: low, findings, autopsy };
      return saveToOneOf(course, targetsOf(options));
    },
  );
  if (autopsy.isRunning) autopsy.fail('no target could be used');
  if (crash && !findings.isLogSaved) showLogOnConsole(crash, log, system);
  return outcomeOf(context, savings);
}

/** On another CPU, the program starts while the target is mounted and the log is saved. Never throws. */
function startBeside(autopsy: AutopsyWork, phases: Phases, log: Log): void {
  attempt(
    () => phases.run('autopsy', () => autopsy.start()),
    error => log.warn('autopsy', describeError(error)),
  );
}

function openEvidence(context: CaptureContext, phases: Phases): Evidence {
  try {
    return { crash: phases.run('open', () => openVmcorePhase(context)) };
  } catch (error) {
    return { crash: undefined, failure: reportFailure(context.log, 'open', error) };
  }
}

function openVmcorePhase({ vmcorePath, libc, log }: CaptureContext): Crash {
  const source = openVmcoreFile(vmcorePath, libc, warning => log.warn('open', warning));
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

/** The target, and its fallbacks in order. */
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

/** Saves to the targets in turn, up to the first that takes everything there is. */
function saveToOneOf(course: Course, specs: readonly TargetSpec[]): Saving[] {
  const savings: Saving[] = [];
  for (const spec of specs) {
    const saving = saveTo(course, spec);
    savings.push(saving);
    if (isDone(course, saving)) break;
  }
  return savings;
}

function isDone({ evidence }: Course, { verdict, files }: Saving): boolean {
  // Without a vmcore there is no dump that another target could take.
  if (!evidence.crash) return files.length > 0;
  return verdict.state === 'complete' || verdict.state === 'skipped';
}

function outcomeOf(context: CaptureContext, savings: readonly Saving[]): Outcome {
  const whole = savings.find(({ verdict }) => verdict.state === 'complete');
  if (whole) return { saved: true, directory: describePlace(whole, savings), files: whole.files };
  const withFiles = savings.filter(({ files }) => files.length > 0);
  return {
    saved: false,
    reason: failureOf(savings),
    places: withFiles.map(saving => describePlace(saving, savings)),
    rescue: rescueFor(context, [...withFiles, ...savings]),
  };
}

function rescueFor(context: CaptureContext, savings: readonly Saving[]): RescueTarget | undefined {
  const saving = savings.find(({ spec }) => spec.kind === 'file system');
  return saving && { reopen: () => context.openTarget(saving.spec), directory: saving.place?.pathOnHost };
}

/** A path without its device is on the target that was asked for. A raw partition is its own path. */
function describePlace({ place }: Saving, savings: readonly Saving[]): string {
  if (!place) return 'nowhere';
  const { pathOnHost, device } = place;
  return savings.length === 1 || pathOnHost === device ? pathOnHost : `${pathOnHost} on ${device}`;
}

/** A dump that was skipped on purpose explains the capture better than a target that failed before. */
function failureOf(savings: readonly Saving[]): string {
  const verdicts = savings.map(({ verdict }) => verdict);
  const skipped = verdicts.filter(({ state }) => state === 'skipped');
  return [...skipped, ...verdicts].flatMap(verdict => reasonOf(verdict) ?? [])[0]!;
}
