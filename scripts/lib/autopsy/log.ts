/** What `log` prints: the kernel log in memory, record by record. */
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { timestamp } from '../../../capture/kernel/dmesg-text.ts';
import { type PrintkRecord, printkRecords } from '../../../capture/kernel/printk-ringbuffer.ts';

/** crash's -T, none and -t. */
export type LogTimes = 'dates' | 'seconds' | 'none';

export interface LogStyle {
  readonly times: LogTimes;
  /** `<4>` in front, as in /dev/kmsg. */
  readonly levels: boolean;
}

const NS_PER_MS = 1_000_000;

/**
 * When the clock of the log was 0, in ms since 1970: the last record was written when the machine crashed, and vmcoreinfo
 * has that time. Undefined where it does not.
 */
export function bootTimeMs({ memory, vmcoreinfo }: DeadKernel): number | undefined {
  const crashedSeconds = vmcoreinfo.crashTimeSeconds;
  if (crashedSeconds === undefined || crashedSeconds === 0) return undefined;
  let lastNs = 0n;
  for (const { timestampNs } of printkRecords(memory, vmcoreinfo, []))
    if (timestampNs > lastNs) lastNs = timestampNs;
  return crashedSeconds * 1000 - Number(lastNs) / NS_PER_MS;
}

/** A record may be several lines; those behind the first are indented below its text. */
export function logLines(record: PrintkRecord, { times, levels }: LogStyle, bootMs: number): string[] {
  const level = levels && record.level !== undefined ? `<${record.level}>` : '';
  const prefix = `${level}${timeText(record.timestampNs, times, bootMs)}`;
  return textOf(record)
    .split('\n')
    .map((line, i) => `${i === 0 ? prefix : ' '.repeat(prefix.length)}${line}`);
}

function timeText(timestampNs: bigint, times: LogTimes, bootMs: number): string {
  if (times === 'none') return '';
  return times === 'dates' ? `[${dateOf(timestampNs, bootMs)}] ` : timestamp(timestampNs);
}

/** A damaged record's time may be none. */
function dateOf(timestampNs: bigint, bootMs: number): string {
  const date = new Date(bootMs + Number(timestampNs) / NS_PER_MS);
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString();
}

export function recordData(record: PrintkRecord) {
  return {
    seconds: Number(record.timestampNs) / 1e9,
    ...(record.level !== undefined && { level: record.level }),
    ...(record.facility !== undefined && { facility: record.facility }),
    text: textOf(record),
  };
}

function textOf({ text }: PrintkRecord): string {
  return Buffer.from(text.buffer, text.byteOffset, text.length).toString('utf8');
}
