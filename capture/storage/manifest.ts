/** manifest.json: what was captured, enough to verify the dump with nothing else and to group crashes by signature. */
import type { DumpDigest } from '../kdump/format/digest.ts';

export const MANIFEST_FORMAT = 1;
export const MANIFEST_NAME = 'manifest.json';

/** A file of the dump directory. */
export interface ManifestFile {
  readonly name: string;
  readonly bytes: number;
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly program: string;
  /**
   * `complete` only when a whole, verified `vmcore` is beside this file; `skipped` when there is none on purpose, and
   * what was meant to be saved is.
   */
  readonly state: 'complete' | 'incomplete' | 'skipped';
  /** Why it is not complete. */
  readonly failure?: string;
  readonly stamp: Stamp;
  readonly kernel: {
    readonly release?: string;
    readonly buildId?: string;
    /** As `uname -v`. */
    readonly version?: string;
    readonly machine?: string;
    /** The crashed machine's own name, as `uname -n`. */
    readonly nodename?: string;
  };
  readonly crash: {
    /** The panic line. */
    readonly reason?: string;
    /** How long the crashed kernel had run, by its log. */
    readonly uptimeSeconds?: number;
  };
  /** Of an incomplete dump: what `vmcore-incomplete` has. */
  readonly dump?: ManifestDump;
  /** Absent from a capture that did not get as far. */
  readonly space?: ManifestSpace;
  readonly files: readonly ManifestFile[];
  /** Phase -> seconds, in the order they ran; since the capture kernel's start: `boot`. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

export interface ManifestDump {
  readonly name: string;
  /** kdump-compressed, header version 6. */
  readonly format: 'kdump-compressed';
  readonly level: number;
  readonly codec: string;
  readonly codecLevel: number;
  readonly bytes: number;
  readonly pageSizeBytes: number;
  readonly pages: {
    /** Pages of memory that the vmcore has. */
    readonly total: number;
    readonly dumped: number;
    /** Pages left out, by class. */
    readonly zero: number;
    /** Pages that could not be read and stand as zeros. */
    readonly unreadable: number;
    /** Pages that an incomplete dump had no room for; left out of what is said of one that was not bounded. */
    readonly missing?: number;
    /** What memory was used for, kept or not, as the filter saw it; absent when the dump level asked nothing of it. */
    readonly byClass?: {
      readonly kernel: number;
      readonly free: number;
      readonly cache: number;
      readonly privateCache: number;
      readonly user: number;
      readonly hwpoison: number;
      readonly offline: number;
    };
  };
  readonly digest: DumpDigest;
}

/** Where the dump went, and what was known of its size before. */
export interface ManifestSpace {
  /** Of the file system, before; absent for a target without one. */
  readonly totalBytes?: number;
  readonly freeBytes?: number;
  readonly availableBytes?: number;
  readonly freeInodes?: number;
  /** As the option says it. */
  readonly keepFree: string;
  /** What was tried and had no room, in order; the last one is what was done. */
  readonly steps: readonly string[];
  readonly predictedBytes?: number;
  /** Written less predicted, as a share of what was predicted. */
  readonly predictionErrorPercent?: number;
  /** Whether the file system gave all blocks before the first was written. */
  readonly reserved?: boolean;
  /** Names of dumps that were removed for this one, or after it. */
  readonly removed: readonly string[];
}

export interface Stamp {
  /** The dump directory's name. */
  readonly name: string;
  /** When it crashed, ISO 8601, as far as the clock can be trusted. */
  readonly time: string;
  readonly clock: 'vmcoreinfo' | 'capture-kernel';
  /** False for a clock that was never set (1970, for example). */
  readonly trusted: boolean;
}

/** No machine that runs this crashed before. */
const EARLIEST_TRUSTED_SECONDS = Date.UTC(2024, 0, 1) / 1000;
/** A number beyond is no time; far beyond, no date can be made of it. */
const LATEST_SECONDS = Date.UTC(2100, 0, 1) / 1000;

/**
 * The stamp of a crash. The crashed kernel's own word (CRASHTIME in vmcoreinfo, seconds) is preferred to the clock of
 * the capture kernel.
 */
export function stampOf(saidSeconds: number | undefined, nowSeconds: number): Stamp {
  const crashTimeSeconds =
    saidSeconds !== undefined && saidSeconds < LATEST_SECONDS ? saidSeconds : undefined;
  const trusted = (seconds: number | undefined) =>
    seconds !== undefined && seconds >= EARLIEST_TRUSTED_SECONDS;
  const byKernel = trusted(crashTimeSeconds) || (crashTimeSeconds !== undefined && !trusted(nowSeconds));
  const seconds = byKernel ? crashTimeSeconds! : nowSeconds;
  const time = new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    name: time.replace(/[-:]/g, ''),
    time,
    clock: byKernel ? 'vmcoreinfo' : 'capture-kernel',
    trusted: trusted(seconds),
  };
}
