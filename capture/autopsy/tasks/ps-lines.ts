/** Tasks as the lines of crash's `ps`. */

import { printable } from '../../text.ts';
import { addressDigits } from '../hex.ts';
import type { Task, TaskList } from './tasks.ts';

const HEAD = ['PID', 'PPID', 'CPU', 'TASK', 'ST', '%MEM', 'VSZ', 'RSS'];
const KIB = 1024;

/**
 * A running task has `>` in front, the name of a kernel thread is in brackets, sizes are in KiB.
 * @param shown those of the list that are wanted.
 */
export function psLines({ totalPages }: TaskList, shown: readonly Task[], pageSizeBytes: number): string[] {
  const totalBytes = totalPages === undefined ? undefined : totalPages * pageSizeBytes;
  const rows = shown.map(task => [
    String(task.pid),
    task.ppid === undefined ? '?' : String(task.ppid),
    String(task.cpu),
    addressDigits(task.address),
    task.state,
    percent(task.memory?.residentBytes ?? 0, totalBytes),
    String((task.memory?.virtualBytes ?? 0) / KIB),
    String((task.memory?.residentBytes ?? 0) / KIB),
  ]);
  const widths = HEAD.map((head, i) => Math.max(head.length, ...rows.map(row => row[i]!.length)));
  const line = (cells: readonly string[]) => cells.map((cell, i) => cell.padStart(widths[i]!)).join('  ');
  return [
    `  ${line(HEAD)}  COMM`,
    ...rows.map((row, i) => `${shown[i]!.isCurrent ? '>' : ' '} ${line(row)}  ${nameOf(shown[i]!)}`),
  ];
}

function nameOf({ comm, isKernelThread }: Task): string {
  return isKernelThread ? `[${printable(comm)}]` : printable(comm);
}

function percent(bytes: number, total: number | undefined): string {
  return total === undefined || total === 0 ? '?' : ((100 * bytes) / total).toFixed(1);
}
