/** What is tried, in this order, where a dump does not fit: data. Each step is said on the console and in the manifest. */
import type { Room } from './space.ts';

export interface Step {
  readonly name: string;
  /** `tightest` leaves out all that a dump level can. */
  readonly level: 'wished' | 'tightest';
  readonly codec: 'wished' | 'strongest';
  readonly room: keyof Room;
  /** Removes the oldest dumps first, where the policy lets it. */
  readonly makesRoom?: true;
  /** Writes as much as there is room for, and marks the dump incomplete. */
  readonly isBounded?: true;
}

/** Losing pages that the wish would have kept comes before giving up pages that every debugger needs. */
export const LADDER: readonly Step[] = [
  { name: 'as wished', level: 'wished', codec: 'wished', room: 'users' },
  { name: 'a tighter dump level', level: 'tightest', codec: 'wished', room: 'users' },
  { name: 'a stronger codec', level: 'tightest', codec: 'strongest', room: 'users' },
  { name: 'the room set aside for root', level: 'tightest', codec: 'strongest', room: 'root' },
  { name: 'the oldest dumps', level: 'tightest', codec: 'strongest', room: 'root', makesRoom: true },
  { name: 'an incomplete dump', level: 'tightest', codec: 'strongest', room: 'root', isBounded: true },
];

/** Below this share of its pages' data a dump is not worth the room: the kernel's log is there already. */
const LEAST_SHARE = 0.05;

export interface Needs {
  /** What a dump of that level and codec needs; with its error. */
  needBytes(step: Step): number;
  /** Where in such a dump the pages' data begin. */
  dataOffset(step: Step): number;
  room(): Room;
  /** Removes dumps until there are `bytes` of room, or as many as may be; false when there is none to remove. */
  makeRoom(bytes: number): boolean;
  /** Whether a level or codec differs from the wished one. */
  isOther(step: Step): boolean;
}

export interface Choice {
  readonly step: Step;
  /** The dump must not be larger. */
  readonly roomBytes: number;
  /** What it needs, complete. */
  readonly needBytes: number;
}

/**
 * The first step of the ladder for which there is room; undefined when there is none, and the kernel's log must do.
 * `say` hears of each step that there was no room for.
 */
export function chooseStep(
  needs: Needs,
  say: (step: Step, needBytes: number, roomBytes: number) => void,
): Choice | undefined {
  for (const [index, step] of LADDER.entries()) {
    // The same dump in the same room was refused just now.
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
