/**
 * The stack that the crashing kernel itself printed ("Call Trace:", Linux arch/x86/kernel/dumpstack.c; "Call trace:", arch/arm64/kernel/stacktrace.c), against the one that
 * an autopsy read from its memory. It shares no code with what reads logs for the report.
 */

/** `CPU: 1 PID: 91 Comm: insmod …`, with `UID: 0` between since Linux v6.12. */
const HEADER = /CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: /;
const TIME = /^(?:\[\s*\d+\.\d+\])?\s+/;
/** A line of the kernel's without its middle: an emulated serial line that is not read in time loses characters. */
const DAMAGED = /^\[\s*\d+\.\d+\](?!\s|$)/;
/**
 * What the compiler added to the name (`.cold`, `.isra.0`) is not in an autopsy, and the size, which the kernel counts to the
 * next symbol, is not compared.
 */
const FRAME = /^(\w+)(?:\.[\w.]+)?(\+0x[0-9a-f]+)\/0x[0-9a-f]+( \[\w+)?/;
/** Of an interrupted function of the kernel, in the place of its frame. */
const INTERRUPTED = /^RIP: 0010:/;
/** What stands between frames: unsure ones, names of stacks, registers of what was interrupted. */
const BETWEEN = /^(\? |<\/?[\w#]+>|RIP: |RSP: |R[A-Z0-9]{2}: |Code: |CS: |ORIG_RAX: )/;
/** They print the trace. Behind them the memory's stack goes on to the crash kernel, and not to the printing. */
const PRINTING =
  /^(dump_backtrace|dump_stack|dump_stack_lvl|show_stack|panic|vpanic|nmi_panic|__die|die|oops_end)\+/;

export interface PrintedStack {
  readonly cpu: number;
  readonly pid: number;
  /** `name+0xOFFSET [module]`, innermost first, without those after a `?`. */
  readonly frames: readonly string[];
  /** Before these frames the serial line lost characters, and with them perhaps other frames. */
  readonly lossesBefore: readonly number[];
}

/** All traces with their headers, in the order of the lines. @param lines with or without the time in front */
export function printedStacks(lines: readonly string[]): PrintedStack[] {
  const stacks: (PrintedStack & OpenStack)[] = [];
  let header: { cpu: number; pid: number } | undefined;
  let open: OpenStack | undefined;
  for (const line of lines) {
    if (DAMAGED.test(line)) open?.lossesBefore.push(open.frames.length);
    // A program's own line can get between those of the kernel.
    if (!TIME.test(line)) continue;
    const found = HEADER.exec(line);
    if (found) header = { cpu: Number(found[1]), pid: Number(found[2]) };
    if (/\bCall [Tt]race:/.test(line)) {
      open = { frames: [], lossesBefore: [] };
      if (header) stacks.push({ ...header, ...open });
      continue;
    }
    const words = line.replace(TIME, '');
    const frame = printedFrame(words.replace(INTERRUPTED, ''));
    if (frame !== undefined) open?.frames.push(frame);
    else if (!BETWEEN.test(words)) open = undefined;
  }
  return stacks;
}

interface OpenStack {
  readonly frames: string[];
  readonly lossesBefore: number[];
}

/** `name+0xOFFSET [module]` of a frame as the kernel prints it; undefined for what is none. */
export function printedFrame(text: string): string | undefined {
  const [, name, offset, module] = FRAME.exec(text) ?? [];
  if (name === undefined) return undefined;
  return `${name}${offset}${module === undefined ? '' : `${module}]`}`;
}

export interface ReadStack {
  readonly cpu: number;
  readonly pid: number;
  /** As in a printed one. */
  readonly frames: readonly string[];
}

/**
 * What the two do not agree in; undefined where they agree, `not printed` where the kernel printed none of that task. The
 * frames that the kernel printed must be the outer end of those that were read: the inner ones print, or start the crash
 * kernel. Where the serial line lost characters, others may be between.
 */
export function differenceFromPrinted(
  lines: readonly string[],
  { cpu, pid, frames }: ReadStack,
): { readonly printed: number; readonly difference?: string } | 'not printed' {
  const last = printedStacks(lines).findLast(stack => stack.cpu === cpu && stack.pid === pid);
  const pieces = last ? piecesOf(last) : [];
  if (pieces.length === 0) return 'not printed';
  const printed = pieces.flat().length;
  let inner = frames;
  for (const [at, piece] of pieces.toReversed().entries()) {
    const start = at === 0 ? inner.length - piece.length : lastIndexOf(inner, piece);
    const differs = piece.findIndex((frame, i) => frame !== inner[start + i]);
    if (differs >= 0) {
      const difference = `${piece[differs]} was printed, ${inner[start + differs] ?? 'nothing'} read`;
      return { printed, difference };
    }
    inner = inner.slice(0, start);
  }
  return { printed };
}

/** Where the last such run begins; 0 where there is none. */
function lastIndexOf(frames: readonly string[], run: readonly string[]): number {
  const start = frames.findLastIndex((_, at) => run.every((frame, i) => frame === frames[at + i]));
  return Math.max(start, 0);
}

/** Runs of frames without a loss, from those that do not print on. */
function piecesOf({ frames, lossesBefore }: PrintedStack): readonly (readonly string[])[] {
  const first = frames.findLastIndex(frame => PRINTING.test(frame)) + 1;
  const cuts = [first, ...lossesBefore.filter(at => at > first), frames.length];
  return cuts.slice(1).flatMap((end, i) => (end > cuts[i]! ? [frames.slice(cuts[i], end)] : []));
}
