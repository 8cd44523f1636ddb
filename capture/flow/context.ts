/** What every step of a capture works with: its options, log and clock, and the machine that it runs on. */
import type { Libc } from '../ffi/libc.ts';
import type { Ffi } from '../ffi/library.ts';
import type { Heartbeat } from '../init/heartbeat.ts';
import type { MemoryBudget } from '../init/memory-budget.ts';
import type { System } from '../init/system.ts';
import type { Log } from '../log.ts';
import type { CaptureOptions } from '../options/schema.ts';
import type { TargetSpec } from '../options/target-spec.ts';
import type { Autopsist } from '../scene/child.ts';
import type { OpenTarget } from '../storage/open-target.ts';

/** The phases that write a file of pages: `vmcore`, `vmcore-triage`. */
export type DumpPhase = 'dump' | 'triage';

export interface Clock {
  /** Seconds since the capture kernel started. */
  seconds(): number;
  sleep(seconds: number): void;
  /** Seconds since 1970 by the machine's real-time clock, which may be wrong. */
  wallSeconds(): number;
}

/** Called at fixed points of a capture. The lab uses them to make it fail; the product sets none. */
export interface CaptureHooks {
  onPhase?(phase: string): void;
  /** While pages are written to a dump file; `phase` says which. */
  onProgress?(phase: DumpPhase, pagesDone: number, pagesTotal: number): void;
}

export interface Compressors {
  /** Of the crash kernel. */
  readonly cpus: number;
  /** The bundle of threads/main.ts. */
  readonly program: string | URL;
  /** How long a thread may do nothing before the others go on without it; 20 s when left out. */
  readonly mostWaitMs?: number;
}

export interface CaptureContext {
  readonly options: CaptureOptions;
  readonly log: Log;
  readonly clock: Clock;
  readonly heartbeat: Heartbeat;
  readonly system: System;
  readonly memory: MemoryBudget;
  /** Undefined where the FFI could not be opened. */
  readonly ffi: Ffi | undefined;
  readonly libc: Libc | undefined;
  readonly hooks: CaptureHooks;
  readonly vmcorePath: string;
  /** For threads that compress the dump. */
  readonly compressors: Compressors;
  readText(path: string): string;
  /** Reads stacks and tasks of the crashed kernel in a process of its own. */
  readonly autopsist: Autopsist;
  /** The capture kernel's command line; empty where it cannot be read. */
  readonly commandLine: string;
  /** Finds and mounts a target. @throws Failure when it cannot be used. */
  openTarget(spec: TargetSpec): OpenTarget;
}
