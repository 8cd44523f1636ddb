/**
 * The kernel log as text, in the form of `makedumpfile --dump-dmesg`: "[%5lld.%06ld] text", further lines of a record
 * indented under its first, bytes that are neither printable nor white space as \xNN. One difference is intended: a byte
 * from 0x80 on is \xe2 here and in vmcore-dmesg, but \xffffffe2 in makedumpfile, where char is signed.
 */
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';
import type { KernelMemory } from './memory.ts';
import { type PrintkRecord, printkRecords } from './printk-ringbuffer.ts';

export interface DmesgStyle {
  /** "[    T123] " or "[     C16] " after the time, as in makedumpfile from 1.7.5 on. */
  readonly callerIds?: boolean;
}

/** @throws KernelError when no log can be found. Damaged records are counted in `warnings`. */
export function* dmesgLines(
  memory: KernelMemory,
  vmcoreinfo: Vmcoreinfo,
  warnings: string[],
  style: DmesgStyle = {},
): Generator<string, void> {
  for (const record of printkRecords(memory, vmcoreinfo, warnings)) yield formatRecord(record, style);
}

/** One record, which may be several lines. Ends with a newline; ASCII only. */
export function formatRecord(record: PrintkRecord, { callerIds = false }: DmesgStyle = {}): string {
  const prefix =
    timestamp(record.timestampNs) +
    (callerIds && record.callerId !== undefined ? caller(record.callerId) : '');
  return `${prefix}${escapeText(record.text, `\n${' '.repeat(prefix.length)}`)}\n`;
}

/** `[   12.345678] `, in seconds since boot. */
export function timestamp(timestampNs: bigint): string {
  const seconds = timestampNs / 1_000_000_000n;
  const microseconds = Math.floor(Number(timestampNs % 1_000_000_000n) / 1000);
  return `[${seconds.toString().padStart(5)}.${microseconds.toString().padStart(6, '0')}] `;
}

const CALLER_CHARS = 8;

function caller(callerId: number): string {
  const isCpu = callerId >= 2 ** 31;
  return `[${`${isCpu ? 'C' : 'T'}${isCpu ? callerId - 2 ** 31 : callerId}`.padStart(CALLER_CHARS)}] `;
}

/** All but tabs, form feeds, carriage returns and what is printable. */
const ESCAPED = /[^\t\v\f\r -~]/g;
const LINE_FEED = 0x0a;

function escapeText(text: Uint8Array, newline: string): string {
  const latin1 = Buffer.from(text.buffer, text.byteOffset, text.length).toString('latin1');
  return latin1.replace(ESCAPED, char => escapeChar(char, newline));
}

function escapeChar(char: string, newline: string): string {
  const byte = char.charCodeAt(0);
  return byte === LINE_FEED ? newline : `\\x${byte.toString(16).padStart(2, '0')}`;
}
