/**
 * Are backtraces right? drgn unwinds every task with the kernel's debug symbols (backtraces.py), which ours are compared
 * with: the addresses of the frames and the names of their functions, in order.
 */
import type { Tool } from '../../build/fetch/tools.ts';
import { pythonScript, runPython } from './python.ts';

/** A frame as drgn has it. */
export interface DwarfFrame {
  /** In hexadecimal, with 0x; null where drgn does not know it. */
  readonly address: string | null;
  /** By the debug symbols; without those, the address. */
  readonly name: string;
  /** By the ELF symbols. */
  readonly symbol: string | null;
  /** Inlined into the next one, at the same address. */
  readonly inline: boolean;
}

export interface DwarfBacktrace {
  readonly pid: number;
  /** The address of its task_struct, in hexadecimal with 0x. */
  readonly task: string;
  readonly comm: string;
  readonly frames: readonly DwarfFrame[];
  /** Why there are no frames. */
  readonly problem: string | null;
}

/** A frame as ours has it. */
export interface OurFrame {
  readonly address: bigint;
  readonly symbol?: string;
  readonly module?: string;
  readonly kind: 'call' | 'exception' | 'user';
}

export interface BacktraceVerdict {
  /** Tasks that drgn could unwind, and their frames that were compared. */
  readonly tasks: number;
  readonly frames: number;
  /** One for each task whose backtraces differ: both. */
  readonly problems: readonly string[];
}

export function unwindWithDwarf(
  drgn: Tool,
  dump: string,
  vmlinux: string,
  timeoutSeconds = 300,
): Promise<DwarfBacktrace[]> {
  return runPython<DwarfBacktrace[]>(drgn, pythonScript('backtraces.py'), [dump, vmlinux], timeoutSeconds);
}

/**
 * Of each task: function names in order, and addresses in order.
 * @param ours the frames of the task at an address.
 */
export function compareBacktraces(
  theirs: readonly DwarfBacktrace[],
  ours: (task: bigint) => readonly OurFrame[],
): BacktraceVerdict {
  const problems: string[] = [];
  let [tasks, frames] = [0, 0];
  for (const { pid, task, comm, frames: all } of theirs) {
    const whole = all.filter(frame => !frame.inline && isKernel(frame.address)).map(dwarfFunction);
    const expected = beforeStuck(whole);
    if (expected.length === 0) continue;
    const known = ours(BigInt(task))
      .filter(({ kind }) => kind !== 'user')
      .map(ourFunction);
    const unwound = withoutInterrupted(from(known, expected), expected);
    const found = expected === whole ? unwound : unwound.slice(0, expected.length);
    tasks++;
    frames += expected.length;
    if (textOf(found) !== textOf(expected)) {
      problems.push(`PID ${pid} (${comm}): ${textOf(found)}; by DWARF: ${textOf(expected)}`);
    }
  }
  return { tasks, frames, problems };
}

interface Function {
  readonly address: bigint;
  readonly name: string;
}

/** A function may call itself some times, but none does up to the end of a stack. */
const STUCK_FRAMES = 100;

/**
 * drgn, where it does not come out of a frame: it takes that again and again, up to its limit of a thousand. So it does where
 * an arm64 CPU was interrupted in a function whose link register leads into itself, after a call, and whose debug symbols say
 * that it has saved none (__delay_cycles of Linux 6.12). What is behind is not known then.
 */
function beforeStuck(frames: readonly Function[]): readonly Function[] {
  const last = frames.at(-1);
  const first = frames.findLastIndex(({ address }) => address !== last?.address) + 1;
  return frames.length - first < STUCK_FRAMES ? frames : frames.slice(0, first + 1);
}

/** Of the task that panicked, ours begins with machine_kexec; drgn begins where the registers for kexec were saved. */
function from(ours: readonly Function[], expected: readonly Function[]): readonly Function[] {
  const start = ours.findIndex(({ address }) => address === expected[0]!.address);
  if (start >= 0) return ours.slice(start);
  const second = ours.findIndex(({ address }) => address === expected[1]?.address);
  const callee = ours[second - 1];
  // What was saved need not be an address that was returned to; it is in the same function.
  const isSame = callee?.name === expected[0]!.name && callee.name === '__crash_kexec';
  return isSame ? [expected[0]!, ...ours.slice(second)] : ours;
}

/** arm64's table of exceptions (Linux arch/arm64/kernel/entry.S). */
const VECTORS = 'vectors';

/**
 * A CPU that was stopped in the first instructions of an exception has saved nothing yet: the function that was interrupted is
 * where the link register leads to. drgn goes on from the frame record, which may be that function's own, and leaves it out.
 */
function withoutInterrupted(
  ours: readonly Function[],
  [first, second]: readonly Function[],
): readonly Function[] {
  const isLeftOut =
    first?.name === VECTORS && ours[0]?.name === VECTORS && ours[2]?.address === second?.address;
  return isLeftOut ? ours.toSpliced(1, 1) : ours;
}

function ourFunction({ address, symbol, module }: OurFrame): Function {
  return { address, name: module === undefined ? plainName(symbol ?? '?') : IN_A_MODULE };
}

function dwarfFunction({ address, name, symbol }: DwarfFrame): Function {
  return { address: BigInt(address!), name: symbol === null ? IN_A_MODULE : plainName(name) };
}

/** drgn knows no names there: modules have no debug symbols here. */
const IN_A_MODULE = 'module';

/** Without what the compiler adds to a part of a function: `.cold`, `.isra.0`, `.constprop.0`, `.part.0`. */
function plainName(name: string): string {
  return name.replace(/\.(cold|isra|constprop|part|llvm)(\.\d+)*/g, '');
}

/** Names in entry code are labels, of which kallsyms has others than the debug symbols: only addresses are compared. */
const ENTRY_CODE = /^(entry_|asm_|ret_from_fork|common_startup|secondary_startup)/;

/** Equal functions, which the compiler made one: two names of the same code. */
const ALIASES: Readonly<Record<string, string | undefined>> = { do_compat_epoll_pwait: 'do_epoll_pwait' };

function textOf(functions: readonly Function[]): string {
  return functions
    .map(({ address, name }) => {
      const shown = ENTRY_CODE.test(name) ? 'entry code' : (ALIASES[name] ?? name);
      return `${shown} (${address.toString(16)})`;
    })
    .join(', ');
}

function isKernel(address: string | null): boolean {
  return address !== null && BigInt(address) >= 1n << 63n;
}
