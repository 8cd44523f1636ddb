/** What a capture knows on its way: the crash, and what was saved of it on each target. */
import type { MemoryWatch } from '../init/meminfo.ts';
import type { Crash } from '../kernel/crash.ts';
import type { TargetSpec } from '../options/target-spec.ts';
import type { ScenePages } from '../scene/files.ts';
import type {
  ManifestAutopsy,
  ManifestDump,
  ManifestFile,
  ManifestSpace,
  Stamp,
} from '../storage/manifest.ts';
import type { OpenTarget } from '../storage/open-target.ts';
import type { DumpPlace } from '../storage/place/place.ts';
import type { RoomKeeper } from '../storage/policy/room.ts';
import type { HelperProcess } from '../threads/helper.ts';
import type { CaptureContext } from './context.ts';
import type { Phases } from './phases.ts';

/** One capture, from the crash to its targets. */
export interface Course {
  readonly context: CaptureContext;
  readonly evidence: Evidence;
  readonly stamp: Stamp;
  readonly phases: Phases;
  readonly memoryLow: MemoryWatch['low'];
  readonly findings: Findings;
  readonly autopsy: SceneProgram;
}

/** The program of the autopsy, which is started once for all targets. None of these throws. */
export interface SceneProgram {
  /** Whether it is at work. */
  readonly isRunning: boolean;
  /** Its process, while it is at work. */
  readonly helper: HelperProcess | undefined;
  /** Starts it, unless it was started. What keeps it from starting is what came of it. */
  start(): void;
  /** What came of it; undefined while it is at work, or was not started. */
  look(): FoundAutopsy | undefined;
  /** Ends it for another reason. */
  fail(why: string): FoundAutopsy | undefined;
}

/** The vmcore, or why it could not be opened. */
export type Evidence = { readonly crash: Crash } | { readonly crash: undefined; readonly failure: string };

/** What the kernel log and the memory say of the crash. Filled in once it is known, whichever target is tried. */
export interface Findings {
  isLogSaved: boolean;
  reason?: string;
  uptimeSeconds?: number;
  autopsy?: FoundAutopsy;
}

/** The autopsy, made once and written to each target. */
export interface FoundAutopsy {
  readonly record: ManifestAutopsy;
  /** Name -> text. */
  readonly texts: ReadonlyMap<string, string>;
  /** For the triage dump, and for the order of a dump that does not fit. */
  readonly pages?: ScenePages;
}

/** What became of the dump on one target. Only a `complete` one is named vmcore. */
export type Verdict = MadeDump | { readonly state: 'skipped' | 'failed'; readonly reason: string };

export type MadeDump =
  | ({ readonly state: 'complete' } & WholeOrNot)
  /** Some of the pages had no room. */
  | ({ readonly state: 'lacking'; readonly lacks: string } & WholeOrNot);

interface WholeOrNot {
  readonly dump: ManifestDump;
  /** How many compressed it. */
  readonly threads: number;
}

/** The autopsy while the dump is made. Neither throws. */
export interface Scene {
  /** Whether its program is at work. */
  readonly isRunning: boolean;
  /** Its process, while it is at work. */
  readonly helper: HelperProcess | undefined;
  /** Waits for it, and writes what was found. */
  finish(): void;
}

/** A dump of one crash, to be made in one place. */
export interface DumpRequest {
  readonly context: CaptureContext;
  readonly phases: Phases;
  readonly crash: Crash;
  readonly place: DumpPlace;
  readonly keeper: RoomKeeper;
  readonly findings: Findings;
  readonly scene: Scene;
  /** Called when the triage dump is made, whatever comes of the dump. */
  readonly onTriage?: (triage: ManifestDump) => void;
}

/** The dump on one target, and how its room was found where that was looked for. */
export interface Made {
  readonly verdict: Verdict;
  readonly space?: ManifestSpace;
  /** The triage dump, where one was made. */
  readonly triage?: ManifestDump;
}

/** One target, and what was saved on it. */
export interface Saving {
  readonly spec: TargetSpec;
  /** Undefined where the target could not be used. */
  readonly place?: { readonly pathOnHost: string; readonly device: string };
  readonly files: readonly ManifestFile[];
  readonly verdict: Verdict;
}

/** Why there is no complete dump; undefined for a complete one. */
export function reasonOf(verdict: Verdict): string | undefined {
  if (verdict.state === 'complete') return undefined;
  return verdict.state === 'lacking' ? `dump: it is incomplete: ${verdict.lacks}` : verdict.reason;
}

export type Outcome = SavedOutcome | FailedOutcome;

export interface SavedOutcome {
  readonly saved: true;
  readonly directory: string;
  readonly files: readonly ManifestFile[];
}

export interface FailedOutcome {
  readonly saved: false;
  readonly reason: string;
  /** Where files of this crash were saved nevertheless. */
  readonly places: readonly string[];
  /** For the rescue shell; undefined where no target has a file system. */
  readonly rescue?: RescueTarget;
}

/** The target to mount for the rescue shell: the first one that has files of this crash, or else the first. */
export interface RescueTarget {
  /** @throws Failure when it cannot be mounted. */
  reopen(): OpenTarget;
  /** Where the files of this crash are, seen from the target's root. */
  readonly directory: string | undefined;
}
