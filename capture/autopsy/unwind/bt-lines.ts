/** Backtraces in the lines of crash's `bt -s -x`. */

import { printable } from '../../text.ts';
import { addressDigits } from '../hex.ts';
import type { StackName } from '../tasks/stacks.ts';
import type { Task } from '../tasks/tasks.ts';
import type { Backtrace, Frame } from './frame.ts';
import { registerLines } from './register-lines.ts';

/** What names a task in the first line. */
export type BtTask = Pick<Task, 'pid' | 'address' | 'cpu' | 'comm'>;

/** `?` is before a name of which the unwinder is not sure, as the kernel prints it. */
export function btLines({ pid, address, cpu, comm }: BtTask, backtrace: Backtrace): string[] {
  const head = `PID: ${String(pid).padEnd(8)} TASK: ${addressDigits(address)}  CPU: ${String(cpu).padEnd(4)} COMMAND: "${printable(comm)}"`;
  const why = backtrace.end === 'stopped' ? [`    (stopped: ${printable(backtrace.why)})`] : [];
  return [head, ...frameLines(backtrace.frames), ...why];
}

function frameLines(frames: readonly Frame[]): string[] {
  let number = 0;
  return frames.flatMap((frame, index) => {
    const before = frames[index - 1];
    const isMoved = before?.stack !== undefined && frame.stack !== undefined && before.stack !== frame.stack;
    const lines = frame.registers ? exceptionLines(frame) : [];
    if (isMoved) lines.push(`--- <${STACK_NAMES[before.stack!]} stack> ---`);
    // An exception on the same stack has no line beside that of its registers.
    const hasLine = frame.kind === 'call' || (frame.kind === 'exception' && (isMoved || index === 0));
    return hasLine ? [...lines, frameLine(frame, number++)] : lines;
  });
}

function exceptionLines({ kind, registers, ...place }: Frame): string[] {
  const counter = registers!.pc === undefined ? 'RIP' : 'PC';
  const head = `    [exception ${counter}: ${nameOf(place)}${moduleOf(place)}]`;
  return [...(kind === 'exception' ? [head] : []), ...registerLines(registers!)];
}

function frameLine(frame: Frame, number: number): string {
  const unsure = frame.reliable ? '' : '? ';
  const at = `${nameOf(frame)} at ${addressDigits(frame.address)}${moduleOf(frame)}`;
  return `${`#${number}`.padStart(3)} [${addressDigits(frame.sp)}] ${unsure}${at}`;
}

type Place = Pick<Frame, 'symbol' | 'offset' | 'module'>;

function nameOf({ symbol, offset = 0 }: Place): string {
  return symbol === undefined ? '(unknown)' : `${printable(symbol)}+0x${offset.toString(16)}`;
}

function moduleOf({ module }: Place): string {
  return module === undefined ? '' : ` [${printable(module)}]`;
}

const STACK_NAMES: Readonly<Record<StackName, string>> = {
  task: 'task',
  IRQ: 'IRQ',
  NMI: 'NMI exception',
  DOUBLEFAULT: 'DOUBLEFAULT exception',
  DEBUG: 'DEBUG exception',
  MCE: 'MCE exception',
  VC: 'VC exception',
  VC2: 'VC2 exception',
  entry: 'entry',
  overflow: 'overflow',
  SDEI: 'SDEI',
};
