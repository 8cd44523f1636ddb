/**
 * Whether an autopsy may go on. It must never cost the dump, and its limits do not depend on how fast the machine is: time
 * is counted in the time that the program took to start and make its first read. A loop without end in a damaged kernel's
 * memory makes no progress; one with progress ends at the program's own budget of reads.
 */

/** What is seen of the program, and of the machine. */
export interface AutopsyView {
  readonly nowSeconds: number;
  /** Changes with progress; empty before the first. */
  readonly progress: string;
  /** Memory of the program's own. */
  readonly ownBytes: number;
  /** Pages of files that the kernel read again, having dropped them for lack of memory. */
  readonly refaults: number;
}

/** Before the first read: this, or three times what the crash kernel took to boot and to start this program. */
const START = { leastSeconds: 60, boots: 3 } as const;
/** Without progress. The longest step, the index of all symbols, takes some 4 times the start. */
const STALL_STARTS = 20;
const STALL_SECONDS = { least: 10 } as const;
/** An autopsy takes some 10 times the start. */
const WHOLE_STARTS = 300;
const WHOLE_SECONDS = { least: 60 } as const;
/** What remains for the dump, of the time until the capture's deadline. */
const SHARE_OF_THE_DEADLINE = 1 / 4;
/** It takes 14 to 16 MiB (Debian's 6.1 to 7.2, 7 of them for Node itself), and all of it is free again afterwards. */
const USUAL_OWN_BYTES = 16 << 20;
/** Five times that; a large machine has more to spare, but damaged memory may ask for any amount. */
const MOST_OWN_BYTES = 96 << 20;
/**
 * MemAvailable counts the code of Node, which both programs run. A process that takes this part, too, makes the kernel drop
 * and read that code again and again: with Node's pages in their own order, the lab's machine needed six minutes to come to the end
 * of its memory. Captures came home with 3 MiB available at the lowest, and of the 23 MiB that 7.2 for all hardware had for its
 * autopsy with 128M, 11 and 14 were left (test/bench/RESULTS.md).
 */
const CODE_BYTES = 6 << 20;
/**
 * For a dump that is made meanwhile, beside that code. It takes 3 to 5 MiB more than before, and what the program that makes it has must
 * not be compressed again and again: where 32 MiB were available, 7.2 for all hardware took 100 s for both, with 144M reserved;
 * where 36 were, 6.1 for clouds with 128M took 9 to 11 s from its start to its end, and 8 s with 144M.
 */
const DUMP_BYTES = 14 << 20;
/** What must be there for it to begin. */
export function neededBytes(isBeside: boolean): number {
  return USUAL_OWN_BYTES + keptBytes(isBeside);
}

function keptBytes(isBeside: boolean): number {
  return CODE_BYTES + (isBeside ? DUMP_BYTES : 0);
}

/** Beside a dump it is looked at when that makes progress: what is not seen for longer than this is not held against it. */
const MOST_UNSEEN_SECONDS = 1;
/** 128 MiB, all of that code several times. The supervisor would reboot the machine at eight times that. */
const MOST_REFAULTS = 1 << 15;

/** What the program begins in. Seconds are of the clock that begins with the crash kernel. */
export interface AutopsySetting {
  /** Of the whole capture. */
  readonly deadlineSeconds: number;
  readonly bootSeconds: number;
  /** What it could have if nothing were kept for others; Infinity where the kernel does not say it. */
  readonly roomBytes: number;
  /** Whether the dump may be made meanwhile. */
  readonly isBeside: boolean;
}

export class AutopsyWatch {
  #started: number;
  #seen: number;
  readonly #endSeconds: number;
  readonly #refaultsBefore: number;
  /** Memory of the program's own that it may take. */
  readonly mostOwnBytes: number;
  readonly #mostStartSeconds: number;
  #startSeconds: number | undefined;
  #progress = '';
  #since: number;

  constructor(
    { nowSeconds, refaults }: AutopsyView,
    { deadlineSeconds, bootSeconds, roomBytes, isBeside }: AutopsySetting,
  ) {
    this.#mostStartSeconds = Math.max(START.leastSeconds, bootSeconds * START.boots);
    this.#started = nowSeconds;
    this.#since = nowSeconds;
    this.#seen = nowSeconds;
    this.#endSeconds = nowSeconds + (deadlineSeconds - nowSeconds) * SHARE_OF_THE_DEADLINE;
    this.#refaultsBefore = refaults;
    this.mostOwnBytes = Math.min(MOST_OWN_BYTES, roomBytes - keptBytes(isBeside));
  }

  /** Why it must end; undefined while it may go on. */
  look({ nowSeconds, progress, ownBytes, refaults }: AutopsyView): string | undefined {
    const unseen = Math.max(0, nowSeconds - this.#seen - MOST_UNSEEN_SECONDS);
    this.#seen = nowSeconds;
    this.#started += unseen;
    this.#since += unseen;
    if (progress !== this.#progress) {
      this.#startSeconds ??= nowSeconds - this.#started;
      this.#progress = progress;
      this.#since = nowSeconds;
    }
    if (ownBytes > this.mostOwnBytes) return `it took ${ownBytes >>> 20} MiB of memory`;
    if (refaults - this.#refaultsBefore > MOST_REFAULTS) return 'it left too little memory';
    const silence = nowSeconds - this.#since;
    if (silence >= this.#mostSilence()) return `it made no progress for ${silence.toFixed(0)} s`;
    const took = nowSeconds - this.#started;
    const whole = Math.max(WHOLE_SECONDS.least, (this.#startSeconds ?? 0) * WHOLE_STARTS);
    if (took < whole && nowSeconds < this.#endSeconds) return undefined;
    return `it was not done after ${took.toFixed(0)} s`;
  }

  #mostSilence(): number {
    if (this.#startSeconds === undefined) return this.#mostStartSeconds;
    return Math.max(STALL_SECONDS.least, this.#startSeconds * STALL_STARTS);
  }
}
