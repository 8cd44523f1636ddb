/** The steps that are tried in turn for a dump that does not fit. Each is logged on the console and in the manifest. */
import type { Room } from './space.ts';

export interface Step {
  readonly name: string;
  /** `tightest` leaves out everything that a dump level can. */
  readonly level: 'wished' | 'tightest';
  readonly codec: 'wished' | 'strongest';
  readonly room: keyof Room;
  /** Removes the oldest dumps first, if the policy allows it. */
  readonly makesRoom?: true;
  /** Writes as much as fits, and marks the dump incomplete. */
  readonly isBounded?: true;
}

/** Pages that the configured level would have kept are given up before pages that every debugger needs. */
export const LADDER: readonly Step[] = [
  { name: 'as wished', level: 'wished', codec: 'wished', room: 'users' },
  { name: 'a tighter dump level', level: 'tightest', codec: 'wished', room: 'users' },
  { name: 'a stronger codec', level: 'tightest', codec: 'strongest', room: 'users' },
  { name: 'the room set aside for root', level: 'tightest', codec: 'strongest', room: 'root' },
  { name: 'the oldest dumps', level: 'tightest', codec: 'strongest', room: 'root', makesRoom: true },
  { name: 'an incomplete dump', level: 'tightest', codec: 'strongest', room: 'root', isBounded: true },
];

/** Below this share of its page data a dump is not worth the space: the kernel's log is already saved. */
const LEAST_SHARE = 0.05;

export interface Needs {
  /** The predicted size of such a dump, with a margin for error. */
  needBytes(step: Step): number;
  /** The offset of the page data in such a dump. */
  dataOffset(step: Step): number;
  room(): Room;
  /** Removes dumps until `bytes` are free, or as many as allowed; false when there is none to remove. */
  makeRoom(bytes: number): boolean;
  /** Whether its level or codec differs from the configured one. */
  isOther(step: Step): boolean;
}

export interface Choice {
  readonly step: Step;
  /** The largest size of the dump. */
  readonly roomBytes: number;
  /** The size of the complete dump. */
  readonly needBytes: number;
}

/**
 * The first step of the ladder that fits; undefined when none does, and only the kernel's log is saved.
 * `say` is called for each step that does not fit.
 */
export function chooseStep(
  needs: Needs,
  say: (step: Step, needBytes: number, roomBytes: number) => void,
): Choice | undefined {
  for (const [index, step] of LADDER.entries()) {
    // The same dump with the same space did not fit in the step before.
    if (index > 0 && step.room === 'users' && !needs.isOther(step)) continue;
    const needBytes = needs.needBytes(step);
    if (step.makesRoom && !needs.makeRoom(needBytes)) continue;
    const roomBytes = needs.room()[step.room];
    const leastBytes = step.isBounded
      ? needs.dataOffset(step) + LEAST_SHARE * (needBytes - needs.dataOffset(step))
      : needBytes;
    if (roomBytes >= leastBytes) return { step, roomBytes, needBytes };
    say(step, needBytes, roomBytes);
  }
  return undefined;
}
