/** One capture, from the crash to the files: what happens in which order, and what each failure leaves behind. */

import { dirname } from 'node:path';
import { adviceFor } from './advice.ts';
import { type CaptureDump, captureDump } from './capture-dump.ts';
import { type Crash, openCrash } from './crash.ts';
import { describeError } from './errors.ts';
import { createLinearDevice } from './ffi/device-mapper.ts';
import type { Libc } from './ffi/libc.ts';
import type { Ffi } from './ffi/library.ts';
import type { Heartbeat } from './init/heartbeat.ts';
import { mergeLogs, readKernelLog } from './init/kernel-log.ts';
import { loadModules } from './init/modules.ts';
import type { System } from './init/system.ts';
import { dmesgLines } from './kernel/dmesg-text.ts';
import { PanicFinder } from './kernel/panic-line.ts';
import type { Log } from './log.ts';
import type { CaptureOptions } from './options.ts';
import { type CaptureHooks, type Clock, Phases } from './phases.ts';
import { BEGIN_MARK, ConsoleLog } from './target/console-log.ts';
import { judgeCrashLoop, parseCrashLoop } from './target/crash-loop.ts';
import type { DumpPlace } from './target/dump-place.ts';
import { volumeActivator } from './target/lvm/activate.ts';
import type { LinearVolume } from './target/lvm/volumes.ts';
import {
  MANIFEST_FORMAT,
  MANIFEST_NAME,
  type Manifest,
  type ManifestFile,
  type Stamp,
  stampOf,
} from './target/manifest.ts';
import { type OpenTarget, openTarget } from './target/open-target.ts';
import { type RetentionLog, removeOldest, retain } from './target/retain.ts';
import { RoomKeeper } from './target/room-keeper.ts';
import { parseTargetSpec, type TargetSpec } from './target/target-spec.ts';
import { PROGRAM } from './version.ts';
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

/** One target, and what came of it. */
interface Saving {
  readonly spec: TargetSpec;
  readonly files: ManifestFile[];
  device?: string;
  place?: DumpPlace;
  /** Complete, or what there was room for. */
  dump?: CaptureDump;
  /** Why no dump was made, on purpose. */
  skipped?: string;
  keeper?: RoomKeeper;
  failure?: string;
}

/** What is learnt of the crash on the way, whatever target took it. */
interface Findings {
  reason?: string;
  uptimeSeconds?: number;
  logSaved: boolean;
}

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
  const findings: Findings = { logSaved: false };
  const savings: Saving[] = [];
  for (const spec of targetsOf(options)) {
    const saving: Saving = { spec, files: [], failure: openFailure };
    savings.push(saving);
    saveTo(context, spec, crash, stamp, phases, findings, saving);
    // Without a vmcore there is nothing that another target could take.
    if (isComplete(saving) || saving.skipped || (!crash && saving.files.length > 0)) break;
  }
  if (crash && !findings.logSaved) showLogOnConsole(crash, log);
  return conclude(context, savings);
}

function isComplete({ dump }: Saving): boolean {
  return dump !== undefined && dump.lacks === undefined;
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

/** Everything that one target takes. What goes wrong is in `saving.failure`, and the evidence saved before it stays. */
function saveTo(
  context: CaptureContext,
  spec: TargetSpec,
  crash: Crash | undefined,
  stamp: Stamp,
  phases: Phases,
  findings: Findings,
  saving: Saving,
): void {
  const { options, log } = context;
  const fail = (phase: string) => (error: unknown) => {
    const failure = told(log, phase, error);
    saving.failure ??= failure;
  };
  const target = attempt(() => phases.run('target', () => targetPhase(context, spec)), fail('target'));
  if (!target) return;
  const place = attempt(() => target.createPlace(options.path, stamp.name), fail('target'));
  if (place) {
    saving.place = place;
    saving.device = target.device;
    log.say('target', `saving to ${place.pathOnHost} on ${target.device}`);
    if (crash) {
      // Degradable: without the log the dump is still worth having, and carries it.
      attempt(
        () => phases.run('dmesg', () => dmesgPhase(crash, place, saving, findings, log)),
        error => log.warn('dmesg', describeError(error)),
      );
      // The guard must not cost a dump by a fault of its own.
      saving.skipped = attempt(
        () => crashLoop(context, place, stamp, findings),
        error => log.warn('dump', describeError(error)),
      );
      if (saving.skipped) log.warn('dump', saving.skipped);
      else attempt(() => dumpPhases(context, crash, place, phases, saving), fail('dump'));
    }
    const stamped = { ...stamp, name: place.name };
    attempt(() => writeEpilogue(context, place, stamped, crash, phases, findings, saving), fail('commit'));
  }
  attempt(
    () => phases.runLast('unmount', () => target.close()),
    error => log.warn('unmount', describeError(error)),
  );
}

/** Says what went wrong, and returns it for the outcome. */
function told(log: Log, phase: string, error: unknown): string {
  log.warn(phase, describeError(error));
  return `${phase}: ${describeError(error)}; what to do: ${adviceFor(error)}`;
}

function attempt<T>(work: () => T, onError: (error: unknown) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    onError(error);
    return undefined;
  }
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

function targetPhase({ options, log, clock, system, libc }: CaptureContext, spec: TargetSpec): OpenTarget {
  const say = (text: string) => log.say('target', text);
  const warn = (text: string) => log.warn('target', text);
  const createVolume = ({ name, uuid, segments }: LinearVolume) =>
    libc && createLinearDevice(libc, name, uuid, segments);
  const target = openTarget(spec, {
    system,
    clock,
    timeoutSeconds: options.deviceTimeoutSeconds,
    fsck: options.fsck,
    say,
    warn,
    activate: libc && volumeActivator(createVolume, say, warn),
  });
  log.say('target', `${spec.device} is ${target.description}`);
  return target;
}

function dmesgPhase(crash: Crash, place: DumpPlace, saving: Saving, findings: Findings, log: Log): void {
  const finder = new PanicFinder();
  const file = place.writeDurably('vmcore-dmesg.txt', linesOf(crash, log, finder));
  saving.files.push(file);
  findings.logSaved = true;
  findings.reason = finder.reason;
  findings.uptimeSeconds = finder.uptimeSeconds;
  log.say('dmesg', `${file.name} is safe, ${file.bytes} bytes`);
  log.say('dmesg', `the kernel crashed with: ${findings.reason ?? '(its log does not say why)'}`);
}

function* linesOf(crash: Crash, log: Log, finder: PanicFinder): Generator<string> {
  if (!crash.memory) throw new Error('the crashed kernel’s addresses cannot be translated (see above)');
  const warnings: string[] = [];
  for (const line of dmesgLines(crash.memory, crash.vmcore.vmcoreinfo, warnings)) {
    finder.add(line);
    yield line;
  }
  for (const warning of warnings) log.warn('dmesg', warning);
}

/** Why this crash gets no dump; undefined for all but a machine that crashes again and again. */
function crashLoop(
  { options }: CaptureContext,
  { scratch, name }: DumpPlace,
  stamp: Stamp,
  { uptimeSeconds }: Findings,
): string | undefined {
  const limit = parseCrashLoop(options.crashLoop);
  if (!limit || !scratch) return undefined;
  const crash = { seconds: Date.parse(stamp.time) / 1000, trusted: stamp.trusted, uptimeSeconds };
  const before = judgeCrashLoop(dirname(scratch), name, limit, crash);
  if (before === undefined) return undefined;
  return `a crash loop: ${before} captures just before this one (crashLoop ${options.crashLoop}); the kernel log alone is saved`;
}

function dumpPhases(
  context: CaptureContext,
  crash: Crash,
  place: DumpPlace,
  phases: Phases,
  saving: Saving,
): void {
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

/** The manifest and our own log: written whatever happened before. */
function writeEpilogue(
  context: CaptureContext,
  place: DumpPlace,
  stamp: Stamp,
  crash: Crash | undefined,
  phases: Phases,
  findings: Findings,
  saving: Saving,
): void {
  const { log } = context;
  const isWhole = isComplete(saving);
  const vmcoreinfo = crash?.vmcore.vmcoreinfo;
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    program: PROGRAM,
    state: isWhole ? 'complete' : saving.skipped ? 'skipped' : 'incomplete',
    failure: isWhole ? undefined : (saving.skipped ?? saving.failure ?? 'unknown'),
    stamp,
    kernel: {
      release: crash?.utsname.release,
      buildId: vmcoreinfo?.buildId,
      version: crash?.utsname.version,
      machine: crash?.utsname.machine || undefined,
    },
    crash: { reason: findings.reason, uptimeSeconds: findings.uptimeSeconds },
    dump: saving.dump?.manifest,
    space: saving.keeper?.record(),
    files: saving.files,
    seconds: phases.seconds,
    warnings: log.warnings,
  };
  saving.files.push(place.writeDurably(MANIFEST_NAME, [`${JSON.stringify(manifest, null, 2)}\n`]));
  const kernelLog = attempt(readKernelLog, error => log.warn('commit', describeError(error))) ?? [];
  saving.files.push(place.writeDurably('kexec-dmesg.log', [mergeLogs(kernelLog, log.lines)]));
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
    reopen: forPerson && (() => targetPhase(context, forPerson.spec)),
    reopenedDirectory: forPerson?.place?.pathOnHost,
  };
}

function reasonOf(savings: readonly Saving[]): string {
  const skipped = savings.find(saving => saving.skipped)?.skipped;
  return skipped ?? savings.find(({ failure }) => failure)?.failure ?? 'the dump was not finished';
}

/** Where no disk takes it, the serial console is the last place for the kernel's log. */
function showLogOnConsole(crash: Crash, log: Log): void {
  log.say('dmesg', BEGIN_MARK);
  const shown = new ConsoleLog(text => log.show(text));
  try {
    for (const line of linesOf(crash, log, new PanicFinder())) shown.add(line);
  } catch (error) {
    log.warn('dmesg', describeError(error));
  }
  log.say('dmesg', shown.endMark());
}
