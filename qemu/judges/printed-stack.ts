/**
 * The stack that the crashing kernel itself printed ("Call Trace:", Linux arch/x86/kernel/dumpstack.c; "Call trace:", arch/arm64/kernel/stacktrace.c), against the one that
 * an autopsy read from its memory. It shares no code with what reads logs for the report.
 */

/** `CPU: 1 PID: 91 Comm: insmod …`, with `UID: 0` between since Linux v6.12. */
const HEADER = /CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: /;
const TIME = /^(?:\[\s*\d+\.\d+\])?\s+/;
/**
 * What the compiler added to the name (`.cold`, `.isra.0`) is not in an autopsy, and the size, which the kernel counts to the
 * next symbol, is not compared.
 */
const FRAME = /^(\w+)(?:\.[\w.]+)?(\+0x[0-9a-f]+)\/0x[0-9a-f]+( \[\w+)?/;
/** Of an interrupted function of the kernel, in the place of its frame. */
const INTERRUPTED = /^RIP: 0010:/;
/**
 * What ends a trace. All other lines may stand between frames: unsure ones, names of stacks, registers of what was interrupted, and
 * what another CPU or an interrupt printed meanwhile.
 */
const END = /^(<\/TASK>|---\[ end |Kernel panic|Modules linked in|Rebooting|SMP: )/;
/** They print the trace. Behind them the memory's stack goes on to the crash kernel, and not to the printing. */
const PRINTING =
  /^(dump_backtrace|dump_stack|dump_stack_lvl|show_stack|panic|vpanic|nmi_panic|__die|die|oops_end)\+/;

export interface PrintedStack {
  readonly cpu: number;
  readonly pid: number;
  /** `name+0xOFFSET [module]`, innermost first, without those after a `?`. */
  readonly frames: readonly string[];
}

/** All traces with their headers, in the order of the lines. @param lines with or without the time in front */
export function printedStacks(lines: readonly string[]): PrintedStack[] {
  const stacks: (PrintedStack & { readonly frames: string[] })[] = [];
  let header: { cpu: number; pid: number } | undefined;
  let open: string[] | undefined;
  for (const line of lines) {
    const found = HEADER.exec(line);
    if (found) header = { cpu: Number(found[1]), pid: Number(found[2]) };
    if (/\bCall [Tt]race:/.test(line)) {
      open = [];
      if (header) stacks.push({ ...header, frames: open });
      continue;
    }
    const words = line.replace(TIME, '');
    const frame = printedFrame(words.replace(INTERRUPTED, ''));
    if (frame !== undefined) open?.push(frame);
    else if (END.test(words)) open = undefined;
  }
  return stacks;
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
  /** Those that return to the end of their function: what they called does not return. */
  readonly atEnd: ReadonlySet<string>;
}

/** Of a return address without the step back into the function that called: so prints arm64, at least up to Linux v6.1. */
const AT_START = /\+0x0(?: \[|$)/;

/**
 * What the two do not agree in; undefined where they agree, `not printed` where the kernel printed none of that task. The
 * frames that the kernel printed must be the outer end of those that were read: the inner ones print, or start the crash
 * kernel.
 */
export function differenceFromPrinted(
  lines: readonly string[],
  { cpu, pid, frames, atEnd }: ReadStack,
): { readonly printed: number; readonly difference?: string } | 'not printed' {
  const last = printedStacks(lines).findLast(stack => stack.cpu === cpu && stack.pid === pid);
  const printed = last ? last.frames.slice(last.frames.findLastIndex(frame => PRINTING.test(frame)) + 1) : [];
  if (printed.length === 0) return 'not printed';
  const outer = frames.slice(-printed.length);
  const differs = printed.findIndex(
    (frame, i) => frame !== outer[i] && !(AT_START.test(frame) && atEnd.has(outer[i] ?? '')),
  );
  if (differs < 0) return { printed: printed.length };
  return {
    printed: printed.length,
    difference: `${printed[differs]} was printed, ${outer[differs] ?? 'nothing'} read`,
  };
}
