/**
 * Why the kernel crashed, as one line of its own log: the line of panic() (kernel/panic.c), or, where that is unspecific,
 * the earlier line that names the cause.
 */

type CauseKind = 'fault' | 'warning' | 'hung' | 'stall' | 'nmi';

/** Lines that begin a report in the log. `rank`: of two in one report, the higher is more specific ("BUG: …", then "Oops: …"). */
const CAUSES: readonly { kind: CauseKind; rank: number; pattern: RegExp }[] = [
  { kind: 'fault', rank: 3, pattern: /^(sysrq: )?(SysRq : )?Trigger a crash/ },
  { kind: 'fault', rank: 3, pattern: /^list_(add|del) / },
  { kind: 'fault', rank: 2, pattern: /^(\S{1,20} )?(kernel )?BUG( at |: )/ },
  { kind: 'fault', rank: 2, pattern: /^Unable to handle kernel / },
  { kind: 'fault', rank: 1, pattern: /^(Oops|Internal error|general protection fault|PANIC: )/ },
  { kind: 'fault', rank: 1, pattern: /^[a-z][a-z -]{2,40}: [0-9a-f]{4} \[#\d+\]/ },
  { kind: 'warning', rank: 1, pattern: /^WARNING: / },
  { kind: 'hung', rank: 1, pattern: /^INFO: task \S+ blocked (for|in I\/O wait for) more than/ },
  { kind: 'stall', rank: 1, pattern: /^(rcu: )?INFO: rcu\w* (self-)?detected/ },
  { kind: 'nmi', rank: 1, pattern: /^(Uhhuh\. )?NMI( received|: (PCI|IOCK|IO check))/ },
];

/** Few lines are a cause, and one search of each costs less than ten. */
const ANY_CAUSE = new RegExp(CAUSES.map(({ pattern }) => pattern.source).join('|'));

/** Panics that do not name their cause, and the kinds of line that do: the last one of them counts. */
const UNSPECIFIC_PANICS: readonly { kinds: readonly CauseKind[]; pattern: RegExp }[] = [
  { kinds: ['fault'], pattern: /^(Fatal exception|softlockup: hung tasks|Oops)/ },
  // KASAN, KFENCE and the like report as `BUG: ...` (check_panic_on_warn).
  { kinds: ['warning', 'fault'], pattern: /panic_on_warn set/ },
  { kinds: ['hung'], pattern: /^hung_task: blocked tasks/ },
  { kinds: ['stall'], pattern: /^RCU Stall/ },
  { kinds: ['nmi'], pattern: /^NMI: Not continuing/ },
];

const PANIC = /^Kernel panic - not syncing: ?(.*)$/;
/** A report with its registers, stack and modules, and the stacks of all CPUs. */
const REPORT_LINES = 2000;
/** The most lines between two headlines of the same report; arm64 has 13 between the fault and its oops (arch/arm64/mm/fault.c). */
const HEADLINE_LINES = 20;
const MAX_REASON_CHARS = 240;

interface Cause {
  readonly line: string;
  readonly rank: number;
  readonly at: number;
}

/** Takes the log line by line while it is read, so that the log need not be kept in memory. */
export class PanicFinder {
  #lines = 0;
  readonly #causes = new Map<CauseKind, Cause>();
  #reason: string | undefined;
  /** The line with the panic of the reason. */
  #panicAt: number | undefined;
  #lastSeconds: number | undefined;

  /** @param text one line or a record of several, with or without its time stamp and a newline at the end. */
  add(text: string): void {
    this.#lastSeconds = Number(/^\[ *(\d+\.\d+)\]/.exec(text)?.[1] ?? this.#lastSeconds) || undefined;
    // What is behind the last newline is no line: distances are counted in lines.
    const whole = text.endsWith('\n') ? text.slice(0, -1) : text;
    for (const line of whole.split('\n')) this.#addLine(line.replace(/^(\s*\[[ \w.]{1,24}\])* ?/, '').trim());
  }

  /** Undefined when the log does not show it. */
  get reason(): string | undefined {
    // With a crash kernel loaded, an oops jumps to it without panic(): the log ends with its report.
    return (this.#reason ?? this.#recent('fault')?.line)?.slice(0, MAX_REASON_CHARS);
  }

  /** The time stamp of the log's last line, in seconds since boot. */
  get uptimeSeconds(): number | undefined {
    return this.#lastSeconds;
  }

  #addLine(line: string): void {
    this.#lines++;
    const panic = PANIC.exec(line);
    if (panic) {
      const kinds = UNSPECIFIC_PANICS.find(({ pattern }) => pattern.test(panic[1]!))?.kinds ?? [];
      const cause = this.#recent(...kinds);
      // A panic notifier, or what prints, may fail while a panic is handled: a second panic, and not why it began.
      if (cause && this.#panicAt !== undefined && cause.at > this.#panicAt) return;
      this.#panicAt = this.#lines;
      this.#reason = cause?.line ?? line;
      return;
    }
    const cause = ANY_CAUSE.test(line) && CAUSES.find(({ pattern }) => pattern.test(line));
    if (!cause) return;
    const before = this.#causes.get(cause.kind);
    if (before && this.#lines - before.at <= HEADLINE_LINES && before.rank >= cause.rank) return;
    this.#causes.set(cause.kind, { line, rank: cause.rank, at: this.#lines });
  }

  #recent(...kinds: readonly CauseKind[]): Cause | undefined {
    return kinds
      .flatMap(kind => this.#causes.get(kind) ?? [])
      .filter(({ at }) => this.#lines - at <= REPORT_LINES)
      .sort((one, other) => one.at - other.at)
      .at(-1);
  }
}

export function panicReason(log: string): string | undefined {
  const finder = new PanicFinder();
  finder.add(log);
  return finder.reason;
}
