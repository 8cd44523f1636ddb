/** What this program says: timestamped lines for the serial console, kept for kexec-dmesg.log. */
import { printable } from './text.ts';

/** One line of ours. Seconds since the capture kernel started, the same clock as the kernel's own lines. */
export interface LogLine {
  readonly uptimeSeconds: number;
  readonly text: string;
}

export interface Log {
  /** A line about a phase: `dump: 40 % …`. */
  say(phase: string, text: string): void;
  /** A line that a reader of the manifest should see too: something was lost or was done in a second-best way. */
  warn(phase: string, text: string): void;
  /** A line of the crashed kernel's, for the console alone. */
  show(text: string): void;
  readonly lines: readonly LogLine[];
  readonly warnings: readonly string[];
}

/** Room for a long capture with everything going wrong, and a bound on what a bug can eat. */
const MOST_LINES = 4000;

/**
 * @param write takes one line with its newline; may throw (no console), which is no reason to stop.
 * @param uptimeSeconds the clock.
 */
export function openLog(write: (line: string) => void, uptimeSeconds: () => number): Log {
  const lines: LogLine[] = [];
  const warnings: string[] = [];
  const show = (text: string): void => {
    try {
      write(`${printable(text)}\n`);
    } catch {
      // No console: our own lines still reach kexec-dmesg.log.
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

/** As the kernel stamps its own lines, so that the two can be merged and read as one. */
export function formatLine(line: LogLine): string {
  return `[${line.uptimeSeconds.toFixed(6).padStart(12)}] ${line.text}`;
}
