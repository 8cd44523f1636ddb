/** The report of one crash as facts: what `kdumpling report` prints and `notify_url` posts. Pure. */

import { type Autopsy, present } from '../../../capture/autopsy/summary/autopsy.ts';
import { classOf } from '../../../capture/autopsy/summary/classes.ts';
import type { Manifest, ManifestFile } from '../../../capture/storage/manifest.ts';
import type { Dump } from '../dumps/dump.ts';
import { type BlockedTasks, blockedTasks, withHolders } from './blocked.ts';
import { findCause, otherEvents } from './cause.ts';
import type { CrashSite } from './crash-site.ts';
import { type HungTask, hungTasks, type MachineCheck, machineChecks } from './details.ts';
import { readStory } from './events.ts';
import type { Frame } from './frames.ts';
import { logLines } from './log-lines.ts';
import { type NextStep, nextSteps } from './next-steps.ts';
import { signatureOf } from './signature.ts';
import { withMemory } from './with-memory.ts';

export const REPORT_FORMAT = 2;

export interface CrashReport {
  readonly format: typeof REPORT_FORMAT;
  /** The dump's name. */
  readonly id: string;
  /** The machine that crashed; absent where the dump does not say it. */
  readonly host?: string;
  /** One line for a list, a chat or a ticket's title. */
  readonly summary: string;
  /** Groups crashes of one cause, on any machine and any build of the kernel. */
  readonly signature: string;
  readonly crash: {
    readonly class: string;
    readonly meaning: string;
    /** The function to look at first, with its module. */
    readonly blame?: string;
    readonly culprit?: Frame;
    /** The line of the log that says it best. */
    readonly reason?: string;
    /** Since the machine's boot; the log's last time. */
    readonly uptimeSeconds?: number;
    /** The tasks that hung, the first to hang first. */
    readonly hungTasks?: readonly HungTask[];
    readonly machineChecks?: readonly MachineCheck[];
    /** Who waited for whom, by the memory; absent where no task was blocked. */
    readonly blocked?: BlockedTasks;
    /** Where task, pointer, trace and registers come from: the dump's memory, the autopsy that was made before it, or its kernel log. */
    readonly stackFrom: 'memory' | 'autopsy' | 'log';
    /** What memory and log contradict each other in, a sentence each. */
    readonly differences: readonly string[];
    /** The report as the kernel printed it, without times: input for scripts/decode_stacktrace.sh. */
    readonly oops: readonly string[];
  } & CrashSite;
  /** Other reports of the same log, in their order: warnings before, oopses after. */
  readonly others: readonly OtherReport[];
  readonly kernel: Manifest['kernel'];
  readonly when: {
    /** ISO 8601. */
    readonly crashed: string;
    readonly clockTrusted: boolean;
    /** By a clock that was set, one that was not, or when the dump's file was written. */
    readonly by: Dump['timeBy'];
    readonly booted?: string;
  };
  readonly saved: {
    readonly directory: string;
    readonly state: string;
    /** Why it is not complete. */
    readonly why?: string;
    readonly files: readonly ManifestFile[];
    readonly dumpLevel?: number;
    readonly codec?: string;
    readonly pagesDumped?: number;
    readonly pagesTotal?: number;
    /** Since the crash kernel's start. */
    readonly captureSeconds?: number;
  };
  readonly warnings: readonly string[];
  readonly next: readonly NextStep[];
}

export interface OtherReport {
  readonly class: string;
  readonly reason: string;
  /** Since the machine's boot. */
  readonly seconds?: number;
}

export interface ReportedDump {
  readonly id: string;
  readonly directory: string;
  readonly state: string;
  readonly why?: string;
  /** When it crashed, as far as it is known. */
  readonly time: Date;
  readonly timeBy: Dump['timeBy'];
  /** Undefined for a dump of another program, or one that got no manifest. */
  readonly manifest?: Manifest;
  /** Names of the dump itself and of its log; undefined where there is none. */
  readonly dumpFile?: string;
  readonly logFile?: string;
  /** Its regular files, as they are. */
  readonly files: readonly ManifestFile[];
  /** Where its autopsy comes from: the dump (the default), or the file that the capture wrote. */
  readonly autopsyFrom?: 'memory' | 'autopsy';
  /** What went wrong while it was read. */
  readonly warnings?: readonly string[];
}

/**
 * @param log the text of vmcore-dmesg.txt, as far as there is one.
 * @param host the machine that crashed, if it is known.
 * @param autopsy what the dump's memory says.
 */
export function reportOf(
  dump: ReportedDump,
  log: string,
  host: string | undefined,
  autopsy?: Autopsy,
): CrashReport {
  const { id, directory, state, why, manifest } = dump;
  const lines = logLines(log);
  const story = readStory(lines);
  const cause = withMemory(findCause(story, manifest?.crash?.reason), autopsy, dump.autopsyFrom);
  const { class: name, culprit, reason, site } = cause;
  const { meaning } = classOf(name);
  const uptimeSeconds = lines.findLast(({ seconds }) => seconds !== undefined)?.seconds;
  const kernel = manifest?.kernel ?? kernelOf(log);
  const blamed = culprit && `${culprit.name}${culprit.module ? ` [${culprit.module}]` : ''}`;
  const pages = manifest?.dump?.pages;
  const blocked = autopsy && blockedTasks(autopsy);
  const hung = name === 'hung-task' ? hungTasks(cause.batch) : undefined;
  const booted = uptimeSeconds === undefined ? undefined : bootTime(dump.time, uptimeSeconds);
  return {
    format: REPORT_FORMAT,
    id,
    ...(host !== undefined && { host }),
    summary: `${host ?? 'unknown machine'}: ${meaning}${blamed ? `, in ${blamed}` : ''} (${kernel.release ?? 'unknown kernel'})`,
    signature: signatureOf(cause),
    crash: {
      class: name,
      meaning,
      ...(blamed && { blame: blamed, culprit }),
      ...(reason !== undefined && { reason }),
      ...(uptimeSeconds !== undefined && { uptimeSeconds }),
      ...(hung && { hungTasks: autopsy ? withHolders(hung, autopsy) : hung }),
      ...(name === 'machine-check' && { machineChecks: machineChecks(cause.batch) }),
      ...(blocked && { blocked }),
      stackFrom: cause.stackFrom,
      differences: [...cause.differences, ...sceneDifference(dump, autopsy)],
      oops: cause.texts,
      ...site,
    },
    others: otherEvents(story, cause).map(({ class: other, headline, seconds }) => ({
      class: other,
      reason: headline,
      ...(seconds !== undefined && { seconds }),
    })),
    kernel,
    when: {
      crashed: isoSeconds(dump.time),
      clockTrusted: dump.timeBy === 'clock',
      by: dump.timeBy,
      ...(booted && { booted: isoSeconds(booted) }),
    },
    saved: {
      directory,
      state,
      ...(why !== undefined && { why }),
      files: dump.files,
      ...(manifest?.dump && { dumpLevel: manifest.dump.level, codec: manifest.dump.codec }),
      ...(pages && { pagesDumped: pages.dumped, pagesTotal: pages.total }),
      ...(manifest?.seconds && {
        captureSeconds: round(Object.values(manifest.seconds).reduce((sum, seconds) => sum + seconds, 0)),
      }),
    },
    warnings: [...(manifest?.warnings ?? []), ...(dump.warnings ?? [])],
    next: nextSteps({ ...dump, kernel }),
  };
}

/** Both are read from the same memory. They differ where it was damaged on its way to the disk, or by another version's rules. */
function sceneDifference({ manifest, autopsyFrom }: ReportedDump, autopsy: Autopsy | undefined): string[] {
  const scene = manifest?.autopsy;
  const crash = autopsy && present(autopsy.crash);
  if (autopsyFrom === 'autopsy' || scene?.state !== 'saved' || !crash) return [];
  const facts = [
    ['class', scene.class, crash.class],
    ['culprit', scene.culprit, crash.culprit?.name],
  ] as const;
  return facts.flatMap(([what, before, now]) =>
    before === now
      ? []
      : [`The autopsy before the dump says ${what} ${before ?? 'unknown'}, the dump ${now ?? 'unknown'}.`],
  );
}

/** The log's first line: "Linux version 6.1.0-56-cloud-amd64 (builder) (compiler) #1 SMP … Debian 6.1.192-2 (date)". */
function kernelOf(log: string): Manifest['kernel'] {
  const match = /Linux version (\S+) .*(#\d+ .*)$/m.exec(log);
  return match ? { release: match[1]!, version: match[2]! } : {};
}

/** Undefined where a damaged log has a time of which there is no date. */
function bootTime(crashed: Date, uptimeSeconds: number): Date | undefined {
  const booted = new Date(crashed.getTime() - uptimeSeconds * 1000);
  return Number.isNaN(booted.getTime()) ? undefined : booted;
}

function isoSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

function round(seconds: number): number {
  return Number(seconds.toFixed(1));
}
