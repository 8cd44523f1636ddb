/** The output of `kdumpling dump`: messages by --message-level, and on a terminal a progress line that is overwritten. */
import { type ProgressUnit, progressLine } from '../cli/progress.ts';
import { MESSAGE } from './request.ts';

export interface Messages {
  /** An ordinary message. */
  say(text: string): void;
  warn(text: string): void;
  debug(text: string): void;
  report(text: string): void;
  /** @param unit of both numbers; pages, if it is left out */
  progress(done: number, total: number, unit?: ProgressUnit): void;
}

const MS_BETWEEN_UPDATES = 100;

/** @param stdoutIsFree false when the dump itself goes to stdout. */
export function openMessages(level: number, stdoutIsFree: boolean): Messages {
  const has = (bit: number): boolean => (level & bit) !== 0;
  let lineBytes = 0;
  let updatedMs = 0;
  let doneBefore = 0;
  const clearLine = (): void => {
    if (lineBytes > 0) process.stderr.write(`\r${' '.repeat(lineBytes)}\r`);
    lineBytes = 0;
  };
  const line = (bit: number, text: string, toStdout = false): void => {
    if (!has(bit)) return;
    clearLine();
    (toStdout && stdoutIsFree ? process.stdout : process.stderr).write(`${text}\n`);
  };
  const showsProgress = has(MESSAGE.progress) && process.stderr.isTTY;
  // Read only if it is used: Node loads the module of this clock on first use.
  let startedMs = showsProgress ? performance.now() : 0;
  return {
    say: text => line(MESSAGE.common, text, true),
    warn: text => line(MESSAGE.error, `warning: ${text}`),
    debug: text => line(MESSAGE.debug, text),
    report: text => line(MESSAGE.report, text, true),
    progress(done, total, unit = 'pages') {
      if (!showsProgress) return;
      const nowMs = performance.now();
      // Other work has begun.
      if (done < doneBefore) startedMs = nowMs;
      doneBefore = done;
      if (done < total && nowMs - updatedMs < MS_BETWEEN_UPDATES) return;
      updatedMs = nowMs;
      clearLine();
      if (done >= total) return;
      const seconds = (nowMs - startedMs) / 1000;
      const text = progressLine({ done, total, unit, seconds }, process.stderr.columns || 80);
      process.stderr.write(text);
      lineBytes = text.length;
    },
  };
}
