/**
 * What the memory of a crashed kernel says of the crash, as facts, from which the report is made. All of it is JSON. Addresses
 * are hexadecimal strings with 0x, because they exceed what a number holds exactly.
 */

export const AUTOPSY_FORMAT = 1;
/** What the capture calls the autopsies that it writes beside the dump. */
export const AUTOPSY_JSON = 'autopsy.json';
export const AUTOPSY_TEXT = 'autopsy.txt';

/** Stands in for a part that the memory does not give. */
export interface Missing {
  /** Why, as a sentence without its full stop. */
  readonly missing: string;
}

export type Part<T> = T | Missing;

export interface Autopsy {
  readonly format: typeof AUTOPSY_FORMAT;
  readonly kernel: { readonly release?: string; readonly nodename?: string };
  readonly crash: Part<AutopsyCrash>;
  /** All CPUs that the dump knows, by number. */
  readonly cpus: Part<readonly AutopsyCpu[]>;
  /** All tasks, folded by equal stacks: blocked ones first, then the larger group first. */
  readonly stacks: Part<readonly StackGroup[]>;
  /** Blocked tasks. */
  readonly waits: Part<readonly Wait[]>;
  readonly modules: Part<readonly AutopsyModule[]>;
  readonly taints: Part<readonly string[]>;
  readonly memory: Part<MemoryMap>;
  /** As /proc/meminfo names it, in KiB. */
  readonly meminfo: Part<Readonly<Record<string, number>>>;
  /** The newest lines. */
  readonly log: Part<AutopsyLog>;
  /** List -> how many of its last entries had no room. Absent where all lists are whole. */
  readonly leftOut?: Readonly<Partial<Record<AutopsyList, number>>>;
}

export type AutopsyList = 'stacks' | 'cpus' | 'waits' | 'modules';

export interface AutopsyCrash {
  /** One of the report's classes, as far as the stack tells it; absent where any of them may be. */
  readonly class?: string;
  /** The function to look at first. */
  readonly culprit?: StackFrame;
  readonly cpu: number;
  readonly task?: TaskName;
  /** Of the exception on the panicking stack, else those that the CPU saved when it stopped. Name -> hexadecimal, without 0x. */
  readonly registers: Readonly<Record<string, string>>;
  /** Of the panicking task, innermost first. */
  readonly stack: Part<readonly StackFrame[]>;
}

export interface TaskName {
  readonly pid: number;
  readonly comm: string;
}

export interface StackFrame {
  /** The address of the instruction: for callers, of what they return to. */
  readonly address: string;
  /** Absent where no symbol is known. */
  readonly name?: string;
  /** From the function's start, and the function's size. */
  readonly offset?: string;
  readonly size?: string;
  readonly module?: string;
  /** `TASK`, `IRQ`, `NMI`, `EXCEPTION`, …: the stack that it is on. */
  readonly context?: string;
  /** An exception or interrupt came between it and the frame before it. */
  readonly interrupted?: boolean;
  /** Found on the stack where no unwind information says whether it is a caller. */
  readonly doubtful?: true;
}

export interface AutopsyCpu {
  readonly cpu: number;
  /** Absent where its runqueue cannot be read. */
  readonly task?: TaskName;
  readonly isIdle: boolean;
  readonly isPanicking: boolean;
  readonly stack: Part<readonly StackFrame[]>;
}

export interface StackGroup {
  readonly stack: readonly StackFrame[];
  /** Why the unwind ended before the stack's end, or why there is no stack. */
  readonly incomplete?: string;
  /** How many tasks have it. */
  readonly count: number;
  /** As `ps` prints them -> how many: `D`, `S`, `R`, … */
  readonly states: Readonly<Record<string, number>>;
  /** The first of them, by pid. */
  readonly tasks: readonly TaskName[];
}

/** One task that cannot run before another does something. */
export interface Wait {
  readonly task: TaskName;
  /** `D`, … */
  readonly state: string;
  /** `mutex`, `rwsem`, …; absent where it is not a lock that is known. */
  readonly kind?: string;
  /** The lock's symbol or address. */
  readonly lock?: string;
  /** Who holds it, where the lock says so. */
  readonly owner?: TaskName;
  /** Of a rwsem that readers hold: how many. */
  readonly readers?: number;
  /** The function that waits. */
  readonly in?: string;
}

export interface AutopsyModule {
  readonly name: string;
  readonly sizeBytes: number;
  /** `O`, `E`, `P`, …; empty for one of the kernel's own tree. */
  readonly taints?: string;
}

/** What a page is used for; `poisoned` is broken, offline or unplugged. A page that cannot be classified counts as the kernel's. */
export const PAGE_USES = ['kernel', 'cache', 'user', 'free', 'poisoned'] as const;
export type PageUse = (typeof PAGE_USES)[number];

export interface MemoryMap {
  readonly pageSizeBytes: number;
  /** All memory ranges, ascending. */
  readonly ranges: readonly MemoryRange[];
  /** How many pages have each use; only of uses that occur. */
  readonly uses: Readonly<Partial<Record<PageUse, number>>>;
  /** How many pages of each use the dump holds. */
  readonly held: Readonly<Partial<Record<PageUse, number>>>;
}

export interface MemoryRange {
  /** Physical addresses; half-open. */
  readonly start: string;
  readonly end: string;
  readonly pages: number;
  /** Equal parts of it, ascending; the last one may be shorter. */
  readonly cells: readonly MemoryCell[];
}

export interface MemoryCell {
  readonly pages: number;
  /** How many of them the dump holds. */
  readonly held: number;
  readonly uses: Readonly<Partial<Record<PageUse, number>>>;
}

export interface AutopsyLog {
  readonly lines: readonly LogEntry[];
  /** How many older lines there are. */
  readonly earlier: number;
}

export interface LogEntry {
  /** Since boot. */
  readonly seconds?: number;
  readonly text: string;
}

export function isMissing(part: unknown): part is Missing {
  return typeof part === 'object' && part !== null && typeof (part as Missing).missing === 'string';
}

/** The part, or undefined where it is missing. */
export function present<T extends object>(part: Part<T>): T | undefined {
  return isMissing(part) ? undefined : part;
}
