/**
 * Code that crash disassembles, and the unwinding rules that it looks up. It takes most code from vmlinux, but decides how
 * frames are laid out, and how deep those of an exception are, by what is in memory.
 */

import { cpuStacks } from '../autopsy/tasks/stacks.ts';
import type { TaskList } from '../autopsy/tasks/tasks.ts';
import { ORC_ENTRY_BYTES } from '../autopsy/unwind/orc/format.ts';
import type { Unwinder } from '../autopsy/unwind/unwinder.ts';
import { attempt } from '../errors.ts';
import { addRange, pointersIn, type Subject } from './ranges.ts';
import { byNeed } from './tasks.ts';

/** In which every task sleeps. */
const SCHEDULER = ['__sched_text_start', '__sched_text_end'] as const;
const MOST_SCHEDULER_BYTES = 1 << 20;
/** The beginning of each: which of them there are depends on the kernel. */
const FUNCTIONS = [
  'secondary_startup_64',
  '__switch_to_asm',
  'ret_from_fork',
  'ret_from_fork_asm',
  'sys_open',
  '__x64_sys_open',
  'sys_fork',
  '__do_sys_fork',
  'do_fork',
  'do_futex',
  'vfs_read',
  'rest_init',
  'kernel_init',
  'end_repeat_nmi',
];
const FUNCTION_BYTES = 256;
/** LOOKUP_BLOCK_SIZE in arch/x86/include/asm/orc_lookup.h */
const ORC_BLOCK_BYTES = 256n;
const MOST_FUNCTION_BYTES = 64 << 10;

export function addKnownCode(subject: Subject): void {
  const { symbols } = subject.kernel;
  const [start, end] = SCHEDULER.map(name => symbols.address(name));
  if (start !== undefined && end !== undefined && end > start)
    addRange(subject, start, Math.min(Number(end - start), MOST_SCHEDULER_BYTES));
  for (const name of FUNCTIONS)
    for (const { address } of symbols.all(name)) addRange(subject, address, FUNCTION_BYTES);
}

/** What is read while a stack is unwound: by our own reader, and what crash looks up of the same frames. */
export function addBacktraces(subject: Subject, unwinder: Unwinder, list: TaskList): void {
  const seen = new Set<bigint>();
  for (const task of byNeed(list)) {
    if (subject.recorder.into.isFull) return;
    for (const frame of unwinder.backtrace(task.address).frames)
      if (frame.kind !== 'user') addFrame(subject, frame.address, task.isCurrent, seen);
  }
}

/** The frames of the NMI that stopped a CPU: above the registers that it saved, with which our own backtrace begins. */
export function addStopFrames(subject: Subject, cpu: number): void {
  const { kernel } = subject;
  const seen = new Set<bigint>();
  for (const { name, start, end } of attempt(() => cpuStacks(kernel, cpu)) ?? []) {
    if (name !== 'NMI') continue;
    for (const word of pointersIn(subject, start, Number(end - start)))
      if (kernel.symbols.isText(word)) addFrame(subject, word, true, seen);
  }
}

/** @param always whether crash disassembles the function, also when there is a rule for its code. */
function addFrame(subject: Subject, address: bigint, always: boolean, seen: Set<bigint>): void {
  if (seen.has(address)) return;
  seen.add(address);
  const hasRule = attempt(() => addRule(subject, address)) ?? true;
  if (always || !hasRule) addFunction(subject, address);
}

/**
 * The rule for code of vmlinux, as the kernel finds it (orc_find() in arch/x86/kernel/unwind_orc.c): the table for a block
 * of code says where the rules of it are.
 * @returns whether there is one; undefined where nothing says so.
 */
function addRule(subject: Subject, address: bigint): boolean | undefined {
  const { symbols, memory } = subject.kernel;
  const [lookup, text, ips, entries] = ORC_SYMBOLS.map(name => symbols.address(name));
  if (lookup === undefined || text === undefined || ips === undefined || entries === undefined)
    return undefined;
  const block = (address - text) / ORC_BLOCK_BYTES;
  if (block < 0n || block > MOST_BLOCKS) return undefined;
  const slot = lookup + block * BigInt(IP_BYTES);
  const first = memory.u32(slot, 'orc_lookup');
  const last = Math.min(memory.u32(slot + BigInt(IP_BYTES), 'orc_lookup'), first + Number(ORC_BLOCK_BYTES));
  if (last < first) return undefined;
  const start = ips + BigInt(first * IP_BYTES);
  const bytes = memory.readVirtual(start, (last - first + 1) * IP_BYTES, 'orc_unwind_ip');
  const found = first + lastNotBehind(bytes, Number(address - start));
  if (found < first) return undefined;
  const entry = entries + BigInt(found * ORC_ENTRY_BYTES);
  addRange(subject, entry, ORC_ENTRY_BYTES);
  // sp_reg is ORC_REG_UNDEFINED in all formats.
  return (memory.u8(entry + BigInt(SP_REG_BYTE), 'orc_entry') & 0xf) !== 0;
}

/** @param offset from the first of the words, each of which says how far from itself an address is. @returns -1 where all are behind it. */
function lastNotBehind({ buffer, byteOffset, byteLength }: Uint8Array, offset: number): number {
  const words = new DataView(buffer, byteOffset, byteLength);
  let at = 0;
  while (at < byteLength && at + words.getInt32(at, true) <= offset) at += IP_BYTES;
  return at / IP_BYTES - 1;
}

const ORC_SYMBOLS = ['orc_lookup', '_stext', '__start_orc_unwind_ip', '__start_orc_unwind'];
const IP_BYTES = 4;
/** In struct orc_entry, behind the two offsets. */
const SP_REG_BYTE = 4;
/** 1 GiB of code. */
const MOST_BLOCKS = 1n << 22n;

function addFunction(subject: Subject, address: bigint): void {
  // A return address may be behind the function, when the call never returns.
  const found = subject.kernel.symbols.at(address - 1n);
  if (found) addRange(subject, found.address, Math.min(found.sizeBytes ?? 1, MOST_FUNCTION_BYTES));
}
