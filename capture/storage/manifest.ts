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
   * `complete`: a verified `vmcore` is beside this file. `skipped`: only the kernel's log was to be saved, and it is.
   */
  readonly state: 'complete' | 'incomplete' | 'skipped';
  /** Why the state is not `complete`. */
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
  /** For an incomplete dump, this describes `vmcore-incomplete`. */
  readonly dump?: ManifestDump;
  /** Absent if the capture ended earlier. */
  readonly space?: ManifestSpace;
  /** `vmcore-triage`, where there is one. */
  readonly triage?: ManifestDump;
  /** Absent where there was nothing to read: no vmcore. */
  readonly autopsy?: ManifestAutopsy;
  readonly files: readonly ManifestFile[];
  /** Phase -> seconds, in the order they ran. `boot` is the time from the capture kernel's start. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Of the capture kernel, in bytes; absent where it could not be read. */
  readonly memory?: { readonly totalBytes: number; readonly lowestAvailableBytes: number };
  /** Of the capture kernel: CPUs, and the threads that compressed the dump; absent where none was made. */
  readonly cpus?: { readonly online: number; readonly threads?: number };
  readonly warnings: readonly string[];
}

/** The stacks and tasks of the crashed kernel, which are read before or while the dump is made. */
export interface ManifestAutopsy {
  /** `saved`: autopsy.txt and autopsy.json are beside this file. */
  readonly state: 'saved' | 'skipped' | 'failed';
  /** Why it is not saved. */
  readonly why?: string;
  /** Of the crash, as in autopsy.json. */
  readonly class?: string;
  /** The function to look at first. */
  readonly culprit?: string;
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
    /** Pages of memory in the vmcore. */
    readonly total: number;
    readonly dumped: number;
    /** Pages left out, by class. */
    readonly zero: number;
    /** Pages that could not be read and are stored as zeros. */
    readonly unreadable: number;
    /** Pages that an incomplete dump had no room for; absent if the dump was not bounded. */
    readonly missing?: number;
    /** Use of all pages, kept or not, by the filter; absent if the dump level needed no filter. */
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

/** The space on the target, and the prediction of the dump's size. */
export interface ManifestSpace {
  /** Of the file system, before the dump; absent for a target without one. */
  readonly totalBytes?: number;
  readonly freeBytes?: number;
  readonly availableBytes?: number;
  readonly freeInodes?: number;
  /** The option's value. */
  readonly keepFree: string;
  /** The steps that were tried, in order; the last one succeeded. */
  readonly steps: readonly string[];
  readonly predictedBytes?: number;
  /** (written - predicted) / predicted, in percent. */
  readonly predictionErrorPercent?: number;
  /** Whether all blocks were allocated before the first write. */
  readonly reserved?: boolean;
  /** Names of the dumps removed for this one or after it. */
  readonly removed: readonly string[];
}

export interface Stamp {
  /** The dump directory's name. */
  readonly name: string;
  /** When it crashed, ISO 8601. It is as good as the clock; see `trusted`. */
  readonly time: string;
  readonly clock: 'vmcoreinfo' | 'capture-kernel';
  /** False for a clock that was never set (1970). */
  readonly trusted: boolean;
}

/** Earlier than this program. */
const EARLIEST_TRUSTED_SECONDS = Date.UTC(2024, 0, 1) / 1000;
/** A larger number is not a time, and a much larger one is outside the range of Date. */
const LATEST_SECONDS = Date.UTC(2100, 0, 1) / 1000;

/**
 * The stamp of a crash. The crashed kernel's time (CRASHTIME in vmcoreinfo, seconds) is preferred to the clock of the
 * capture kernel.
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
