/** The lines of a kernel log: their time, who printed them (CONFIG_PRINTK_CALLER), and their text. */

export interface LogLine {
  /** Since boot. */
  readonly seconds?: number;
  /** `T123` for a task, `C1` for a CPU outside of one. */
  readonly caller?: string;
  readonly text: string;
}

/** `[   12.345678] [  T123] text`, `[   12.345678][    C1] text`; a console adds a level `<4>` before it. */
const PREFIX = /^(?:<\d+>)?\s*\[ *(\d+\.\d+)\] ?(?:\[ *([TC]\d+)\] ?)?/;
/** A log whose lines carry no time, or journald's. */
const CALLER_ALONE = /^\[ *([TC]\d+)\] ?/;

/**
 * A record has at most 1024 bytes (Linux kernel/printk/printk.c, PRINTKRB_RECORD_MAX). The rest of a longer line, which only a
 * damaged file has, is left out: patterns look for the end of a line again and again.
 */
const MOST_CHARS = 4096;

export function logLines(log: string): LogLine[] {
  return log
    .split('\n')
    .filter(line => line !== '')
    .map(line => lineOf(line.slice(0, MOST_CHARS)))
    .filter(({ text }) => text.trim() !== '');
}

function lineOf(line: string): LogLine {
  const timed = PREFIX.exec(line);
  if (timed) {
    const [prefix, seconds, caller] = timed;
    return { seconds: Number(seconds), ...(caller && { caller }), text: line.slice(prefix.length).trimEnd() };
  }
  const called = CALLER_ALONE.exec(line);
  return called
    ? { caller: called[1]!, text: line.slice(called[0].length).trimEnd() }
    : { text: line.trimEnd() };
}
