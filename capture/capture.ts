/** One capture, from the crash to the files: what happens in which order, and what each failure leaves behind. */

import { type CaptureDump, captureDump } from './capture-dump.ts';
import { type Crash, openCrash } from './crash.ts';
import { describeError } from './errors.ts';
import type { Libc } from './ffi/libc.ts';
import type { Ffi } from './ffi/library.ts';
import { mergeLogs, readKernelLog } from './init/kernel-log.ts';
import { loadModules } from './init/modules.ts';
import type { System } from './init/system.ts';
import { dmesgLines } from './kernel/dmesg-text.ts';
import { PanicFinder } from './kernel/panic-line.ts';
import type { Log } from './log.ts';
import type { CaptureOptions } from './options.ts';
import { type CaptureHooks, type Clock, Phases } from './phases.ts';
import { type BootDisk, mountBootDisk } from './target/boot-disk.ts';
import { createDumpDirectory } from './target/dump-directory.ts';
import type { DumpPlace } from './target/dump-place.ts';
import {
  MANIFEST_FORMAT,
  MANIFEST_NAME,
  type Manifest,
  type ManifestFile,
  type Stamp,
  stampOf,
} from './target/manifest.ts';
import { PROGRAM } from './version.ts';
import { type OpenFile, openVmcoreFile } from './vmcore/reader.ts';

export interface CaptureContext {
  readonly options: CaptureOptions;
  readonly log: Log;
  readonly clock: Clock;
  readonly system: System;
  /** Undefined where the FFI could not be opened. */
  readonly ffi: Ffi | undefined;
  readonly libc: Libc | undefined;
  readonly hooks: CaptureHooks;
  readonly vmcorePath: string;
}

export type Outcome =
  | { readonly saved: true; readonly directory: string; readonly files: readonly ManifestFile[] }
  /** `directory`: where the partial evidence lies, if any of it could be written. */
  | { readonly saved: false; readonly reason: string; readonly directory?: string };

/** What is learnt on the way, for the manifest. */
interface Findings {
  readonly files: ManifestFile[];
  reason?: string;
  dump?: CaptureDump;
  failure?: string;
}

/** Never throws: a capture that fails is an outcome. */
export function capture(context: CaptureContext): Outcome {
  const { options, log, clock, system, hooks } = context;
  const phases = new Phases(clock, options.deadlineSeconds, hooks);
  phases.seconds.boot = Number(clock.seconds().toFixed(3));

  const findings: Findings = { files: [] };
  const fail = (phase: string, error: unknown): undefined => {
    const text = `${phase}: ${describeError(error)}`;
    findings.failure ??= text;
    log.warn(phase, describeError(error));
    return undefined;
  };
  const crash = attempt(
    () => phases.run('open', () => openVmcorePhase(context)),
    error => fail('open', error),
  );
  const disk = attempt(
    () => phases.run('target', () => targetPhase(context)),
    error => fail('target', error),
  );
  if (!disk) {
    if (crash) showLogOnConsole(crash, log);
    return { saved: false, reason: findings.failure ?? 'the target is not there' };
  }
  // Asked once: the directory and the manifest must not tell two times.
  const stamp = stampOfCrash(context, crash);
  const directory = attempt(
    () => createDumpDirectory(disk.mountpoint, options.path, stamp.name, text => log.warn('target', text)),
    error => fail('target', error),
  );
  if (directory) {
    log.say('target', `saving to ${directory.pathOnHost} on ${disk.device}`);
    if (crash) {
      // Degradable: without the log the dump is still worth having, and carries it.
      attempt(
        () => phases.run('dmesg', () => dmesgPhase(crash, directory, findings, log)),
        error => log.warn('dmesg', describeError(error)),
      );
      attempt(
        () => dumpPhases(context, crash, directory, phases, findings),
        error => fail('dump', error),
      );
    }
    attempt(
      () => writeEpilogue(context, directory, { ...stamp, name: directory.name }, crash, phases, findings),
      error => fail('commit', error),
    );
  } else if (crash) {
    showLogOnConsole(crash, log);
  }
  attempt(
    () => phases.runLast('unmount', () => system.umount(disk.mountpoint)),
    error => log.warn('unmount', describeError(error)),
  );
  return conclude(findings, directory);
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

function targetPhase({ options, log, clock, system }: CaptureContext): BootDisk {
  loadModules(options.modules, system, log);
  const disk = mountBootDisk(
    { target: options.target, fstype: options.fstype, timeoutSeconds: options.deviceTimeoutSeconds },
    system,
    clock,
  );
  log.say('target', `${options.target} is ${disk.device}, mounted as ${options.fstype}`);
  return disk;
}

function stampOfCrash({ clock }: CaptureContext, crash: Crash | undefined): Stamp {
  return stampOf(crash?.vmcore.vmcoreinfo.crashTimeSeconds, clock.wallSeconds());
}

function dmesgPhase(crash: Crash, directory: DumpPlace, findings: Findings, log: Log): void {
  const finder = new PanicFinder();
  const file = directory.writeDurably('vmcore-dmesg.txt', linesOf(crash, log, finder));
  findings.files.push(file);
  findings.reason = finder.reason;
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

function dumpPhases(
  context: CaptureContext,
  crash: Crash,
  directory: DumpPlace,
  phases: Phases,
  findings: Findings,
): void {
  const dump = captureDump(context, crash, directory, phases);
  findings.dump = dump;
  findings.files.push({ name: dump.manifest.name, bytes: dump.manifest.bytes });
}

/** The manifest and our own log: written whatever happened before. */
function writeEpilogue(
  context: CaptureContext,
  directory: DumpPlace,
  stamp: Stamp,
  crash: Crash | undefined,
  phases: Phases,
  findings: Findings,
): void {
  const { log } = context;
  const vmcoreinfo = crash?.vmcore.vmcoreinfo;
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    program: PROGRAM,
    state: findings.dump ? 'complete' : 'incomplete',
    failure: findings.dump ? undefined : (findings.failure ?? 'unknown'),
    stamp,
    kernel: {
      release: crash?.utsname.release,
      buildId: vmcoreinfo?.buildId,
      version: crash?.utsname.version,
      machine: crash?.utsname.machine || undefined,
    },
    crash: { reason: findings.reason },
    dump: findings.dump?.manifest,
    files: findings.files,
    seconds: phases.seconds,
    warnings: log.warnings,
  };
  findings.files.push(directory.writeDurably(MANIFEST_NAME, [`${JSON.stringify(manifest, null, 2)}\n`]));
  const kernelLog = attempt(readKernelLog, error => log.warn('commit', describeError(error))) ?? [];
  findings.files.push(directory.writeDurably('kexec-dmesg.log', [mergeLogs(kernelLog, log.lines)]));
}

function conclude({ dump, failure, files }: Findings, directory: DumpPlace | undefined): Outcome {
  if (dump && directory) return { saved: true, directory: directory.pathOnHost, files };
  return { saved: false, reason: failure ?? 'the dump was not finished', directory: directory?.pathOnHost };
}

/** Where no disk takes it, the serial console is the last place for the kernel's log. */
function showLogOnConsole(crash: Crash, log: Log): void {
  log.say('dmesg', '----- begin of the crashed kernel’s log -----');
  try {
    for (const line of linesOf(crash, log, new PanicFinder())) {
      for (const part of line.trimEnd().split('\n')) log.show(part);
    }
  } catch (error) {
    log.warn('dmesg', describeError(error));
  }
  log.say('dmesg', '----- end of the crashed kernel’s log -----');
}
