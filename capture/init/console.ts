/**
 * The console, written to as a serial line deserves: no faster than 115200 baud drains, and never waited for without end.
 * A terminal can be stopped (an XOFF that somebody typed, or noise on the line), and what writes to it blocks until
 * somebody starts it again.
 */
import { Buffer } from 'node:buffer';
import { constants, openSync, writeSync } from 'node:fs';
import { Pacer } from './pacer.ts';

/** 115200 baud are 11,520 bytes a second, some of which the kernel's own lines need. */
const BYTES_PER_SECOND = 10_000;
/** What a UART's driver takes at once. */
const BURST_BYTES = 2048;
/** For a line that the terminal does not take. While it takes none, none is waited for. */
const PATIENCE_SECONDS = 2;
const LOOK_AGAIN_SECONDS = 0.05;

const CONSOLE = '/dev/console';
const STANDARD_OUTPUT = 1;

/** A descriptor that never blocks; where there is no console at all, what the kernel gave to PID 1 instead. */
export function openConsoleDescriptor(): number {
  try {
    return openSync(CONSOLE, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return STANDARD_OUTPUT;
  }
}

/** @returns takes one line with its newline. It throws where there is no console. */
export function openConsole(
  fd: number,
  { seconds, sleep }: { seconds(): number; sleep(seconds: number): void },
) {
  const pacer = new Pacer(BYTES_PER_SECOND, BURST_BYTES, seconds());
  let lost = 0;

  /** Whether all of it went out by `until`. */
  const put = (text: string, until: number): boolean => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(fd, bytes, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        if (seconds() >= until) return false;
        sleep(LOOK_AGAIN_SECONDS);
      }
    }
    return true;
  };
  return (line: string): void => {
    const delay = lost > 0 ? 0 : pacer.take(Buffer.byteLength(line), seconds());
    if (delay > 0) sleep(delay);
    const until = seconds() + (lost > 0 ? 0 : PATIENCE_SECONDS);
    // On a line of its own: of the line before, a part may have gone out.
    const gap = lost > 0 ? `\nkdumpling: console: it was stopped; ${lost} lines are missing here\n` : '';
    if (put(gap + line, until)) lost = 0;
    else lost += 1;
  };
}
