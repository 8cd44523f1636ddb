/** This program's log: timestamped lines for the serial console, kept for kexec-dmesg.log. */
import { printable } from './text.ts';

/** One line of this program. The time is in seconds since the capture kernel started, as in the kernel's own lines. */
export interface LogLine {
  readonly uptimeSeconds: number;
  readonly text: string;
}

export interface Log {
  /** A line about a phase: `dump: 40 % …`. */
  say(phase: string, text: string): void;
  /** A line that goes into the manifest as well: something was lost, or done by a fallback. */
  warn(phase: string, text: string): void;
  /** A line of the crashed kernel's log, for the console alone. */
  show(text: string): void;
  readonly lines: readonly LogLine[];
  readonly warnings: readonly string[];
}

/** Enough for a long capture in which everything fails, and a bound on the memory that an error loop can take. */
const MOST_LINES = 4000;

/**
 * @param write takes one line with its newline. It may throw where there is no console, which is ignored.
 * @param uptimeSeconds the clock.
 */
export function openLog(write: (line: string) => void, uptimeSeconds: () => number): Log {
  const lines: LogLine[] = [];
  const warnings: string[] = [];
  const show = (text: string): void => {
    try {
      write(`${printable(text)}\n`);
    } catch {
      // Without a console, the lines still reach kexec-dmesg.log.
    }
  };
  const put = (text: string): void => {
    const line = { uptimeSeconds: uptimeSeconds(), text: printable(text) };
    if (lines.length < MOST_LINES) lines.push(line);
    show(formatLine(line));
  };
  return {
    say(phase, text) {
      put(`kdumpling: ${phase}: ${text}`);
    },
    warn(phase, text) {
      if (warnings.length < MOST_LINES) warnings.push(printable(`${phase}: ${text}`));
      put(`kdumpling: ${phase}: warning: ${text}`);
    },
    show,
    lines,
    warnings,
  };
}

/** In the format of the kernel's own lines, so that the two can be merged. */
export function formatLine(line: LogLine): string {
  return `[${line.uptimeSeconds.toFixed(6).padStart(12)}] ${line.text}`;
}
