/** What every step of a capture is given: options, log, clock, and the system that it works on. */
import type { Libc } from '../ffi/libc.ts';
import type { Ffi } from '../ffi/library.ts';
import type { Heartbeat } from '../init/heartbeat.ts';
import type { System } from '../init/system.ts';
import type { Log } from '../log.ts';
import type { CaptureOptions } from '../options/schema.ts';

export interface Clock {
  /** Since the capture kernel started. */
  seconds(): number;
  sleep(seconds: number): void;
  /** Wall clock, seconds since 1970; whatever the machine believes. */
  wallSeconds(): number;
}

/** What a lab hangs in to make a capture fail on purpose; empty in the product. */
export interface CaptureHooks {
  onPhase?(phase: string): void;
  onProgress?(pagesDone: number, pagesTotal: number): void;
}

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
