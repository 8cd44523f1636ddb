/** The output of `kdumpling dump`: messages by --message-level, and on a terminal a progress line that is overwritten. */
import { MESSAGE } from './request.ts';

export interface Messages {
  /** An ordinary message. */
  say(text: string): void;
  warn(text: string): void;
  debug(text: string): void;
  report(text: string): void;
  progress(done: number, total: number): void;
}

const MS_BETWEEN_UPDATES = 100;

/** @param stdoutIsFree false when the dump itself goes to stdout. */
export function openMessages(level: number, stdoutIsFree: boolean): Messages {
  const has = (bit: number): boolean => (level & bit) !== 0;
  let lineBytes = 0;
  let updatedMs = 0;
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
  const startedMs = showsProgress ? performance.now() : 0;
  return {
    say: text => line(MESSAGE.common, text, true),
    warn: text => line(MESSAGE.error, `warning: ${text}`),
    debug: text => line(MESSAGE.debug, text),
    report: text => line(MESSAGE.report, text, true),
    progress(done, total) {
      if (!showsProgress) return;
      const nowMs = performance.now();
      if (done < total && nowMs - updatedMs < MS_BETWEEN_UPDATES) return;
      updatedMs = nowMs;
      clearLine();
      if (done >= total) return;
      const etaSeconds = done > 0 ? Math.ceil(((nowMs - startedMs) * (total - done)) / done / 1000) : 0;
      const text = `${((100 * done) / total).toFixed(1)} %, ETA ${etaSeconds} s`;
      process.stderr.write(text);
      lineBytes = text.length;
    },
  };
}
