/** What becomes of a crash on its way to the targets: what was learnt of it, and what came of each target. */
import type { Crash } from '../kernel/crash.ts';
import type { TargetSpec } from '../options/target-spec.ts';
import type { ManifestDump, ManifestFile, Stamp } from '../storage/manifest.ts';
import type { OpenTarget } from '../storage/open-target.ts';
import type { DumpPlace } from '../storage/place/place.ts';
import type { RoomKeeper } from '../storage/policy/room.ts';
import type { CaptureContext } from './context.ts';
import type { Phases } from './phases.ts';

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
export interface Saving {
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
export interface Findings {
  reason?: string;
  uptimeSeconds?: number;
  logSaved: boolean;
}

/** One crash on its way to a target. */
export interface Course {
  readonly context: CaptureContext;
  /** Undefined when the vmcore could not be opened. */
  readonly crash: Crash | undefined;
  readonly stamp: Stamp;
  readonly phases: Phases;
  readonly findings: Findings;
}

export function isComplete({ dump }: Saving): boolean {
  return dump !== undefined && dump.lacks === undefined;
}

export interface CaptureDump {
  readonly manifest: ManifestDump;
  /** What it lacks, in a word; undefined for a complete dump, which has its name. */
  readonly lacks?: string;
}
