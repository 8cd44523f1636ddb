/** Functions as a kernel log names them: of a trace, of the instruction pointer, of a headline. */
import { functionName } from '../../../capture/autopsy/summary/stack-frames.ts';
import { SYMBOL } from './headlines.ts';

export interface Frame {
  /** Without what the compiler added (`.cold`, `.isra.0`). */
  readonly name: string;
  /** From the function's start, and the function's size: hexadecimal, as logged. */
  readonly offset: string;
  readonly size: string;
  readonly module?: string;
  /** The unwinder found the address on the stack and does not know whether it is a caller (`? name`). */
  readonly doubtful?: true;
}

/** A frame of a trace, with where it stands there. */
export interface TraceFrame extends Frame {
  /** `TASK`, `IRQ`, `NMI`, `SOFTIRQ`, …: between `<NMI>` and `</NMI>`. */
  readonly context: string;
  /** Behind a register dump within the trace: what was interrupted. */
  readonly interrupted: boolean;
}

const FRAME = new RegExp(String.raw`^\s*(\? )?${SYMBOL}(?: \([^)]*\))?(?: \([PL]\))?$`);
/** Segment 0010 is the kernel's; a RIP in 0033 is a program's. arm64 prints pc. */
const POINTER = new RegExp(`^(?:RIP: 0010:|pc : )${SYMBOL}`);
const TRACE_BEGINS = /^Call [Tt]race:/;
const CONTEXT = /^\s*<(\/?)([#\w]+)>$/;
/** The end of a trace, or the beginning of what does not belong to it. */
const TRACE_ENDS =
  /^(---\[ end (trace|Kernel panic)|Modules linked in:|Kernel Offset:|Kernel panic|CPU: \d+ |Sending NMI|NMI backtrace|SMP: stopping|Code: |Showing all locks|INFO: |BUG: |Allocated by task|Freed by task|The buggy address|Mem-Info:)/;

/** @param texts from a report's headline on. */
export function readTrace(texts: readonly string[]): TraceFrame[] {
  const begin = texts.findIndex(text => TRACE_BEGINS.test(text));
  if (begin < 0) return [];
  const frames: TraceFrame[] = [];
  let context = 'TASK';
  let interrupted = false;
  for (const text of texts.slice(begin + 1)) {
    const mark = CONTEXT.exec(text);
    if (mark) {
      context = mark[1] ? 'TASK' : mark[2]!;
      continue;
    }
    const pointer = POINTER.exec(text);
    if (pointer) {
      interrupted = true;
      frames.push({ ...frameOf(pointer.slice(1)), context, interrupted });
      continue;
    }
    // A trace with the registers of what was interrupted goes on behind them, its Code: line among them.
    if (TRACE_ENDS.test(text) && !(interrupted && text.startsWith('Code: '))) break;
    const match = FRAME.exec(text);
    if (!match) continue;
    const [, doubt, ...symbol] = match;
    frames.push({ ...frameOf(symbol), ...(doubt && { doubtful: true as const }), context, interrupted });
  }
  return frames;
}

/** The instruction pointer of a report: what stands before its trace. */
export function readPointer(texts: readonly string[]): Frame | undefined {
  const begin = texts.findIndex(text => TRACE_BEGINS.test(text));
  for (const text of begin < 0 ? texts : texts.slice(0, begin)) {
    const match = POINTER.exec(text);
    if (match) return frameOf(match.slice(1));
  }
  return undefined;
}

/** The function that a headline names: `BUG: KASAN: … in f+0x1/0x2 [m]`, `WARNING: … f+0x1/0x2 [m]`, `… corrupted in: f+0x1/0x2`. */
export function frameInText(text: string): Frame | undefined {
  const match = new RegExp(SYMBOL).exec(text);
  return match ? frameOf(match.slice(1)) : undefined;
}

function frameOf([name, offset, size, module]: readonly (string | undefined)[]): Frame {
  return {
    name: functionName(name!),
    offset: offset!,
    size: size!,
    ...(module && { module }),
  };
}
