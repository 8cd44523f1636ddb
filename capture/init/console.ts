/**
 * The console, as a serial line needs it: written no faster than 115200 baud drains, and never waited for without limit.
 * A terminal can be stopped (by an XOFF that somebody typed, or by noise on the line); a blocking write then waits until
 * somebody starts it again.
 */
import { Buffer } from 'node:buffer';
import { constants, openSync, writeSync } from 'node:fs';
import type { Libc } from '../ffi/libc.ts';
import { Pacer } from './pacer.ts';

/** 115200 baud are 11,520 bytes a second; the kernel's own lines need some of them. */
const BYTES_PER_SECOND = 10_000;
/** What a UART's driver buffers. */
const BURST_BYTES = 2048;
/** How long to wait for a terminal that takes no more. While it is stopped, further lines are not waited for. */
const PATIENCE_SECONDS = 2;
const LOOK_AGAIN_SECONDS = 0.05;

/** asm-generic/ioctls.h: how many bytes the driver has not sent yet. */
const TIOCOUTQ = 0x5411;
/** Where the driver cannot be asked: about as long as a full buffer takes. */
const BLIND_DRAIN_SECONDS = 0.5;

const CONSOLE = '/dev/console';
const STANDARD_OUTPUT = 1;

/** A descriptor that never blocks. Without a console, what the kernel gave PID 1 instead. */
export function openConsoleDescriptor(): number {
  try {
    return openSync(CONSOLE, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return STANDARD_OUTPUT;
  }
}

/** Returns what takes one line with its newline, and says whether all of it was written. It throws where there is no console. */
export function openConsole(
  fd: number,
  { seconds, sleep }: { seconds(): number; sleep(seconds: number): void },
) {
  const pacer = new Pacer(BYTES_PER_SECOND, BURST_BYTES, seconds());
  let lost = 0;

  /** Whether all of it was written by `until`. */
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
  return (line: string): boolean => {
    const delay = lost > 0 ? 0 : pacer.take(Buffer.byteLength(line), seconds());
    if (delay > 0) sleep(delay);
    const until = seconds() + (lost > 0 ? 0 : PATIENCE_SECONDS);
    // On a line of its own, because a part of the line before may have been written.
    const gap = lost > 0 ? `\nkdumpling: console: it was stopped; ${lost} lines are missing here\n` : '';
    const isWritten = put(gap + line, until);
    lost = isWritten ? 0 : lost + 1;
    return isWritten;
  };
}

/** Returns how many bytes the terminal's driver has not sent yet; undefined where that cannot be known. */
export function unsentBytes(fd: number, libc: Pick<Libc, 'ioctl'> | undefined): number | undefined {
  const count = Buffer.alloc(Int32Array.BYTES_PER_ELEMENT);
  try {
    libc?.ioctl(fd, TIOCOUTQ, count, 'ask the console how much it has not sent');
  } catch {
    return undefined; // no terminal
  }
  return libc && count.readInt32LE();
}

/**
 * Waits, for a bounded time, until the last lines are sent: a reboot discards what the driver still holds, and the kernel's
 * own last lines, which do not wait, break into it.
 */
export function drainConsole(
  unsent: () => number | undefined,
  { seconds, sleep }: { seconds(): number; sleep(seconds: number): void },
): void {
  const until = seconds() + PATIENCE_SECONDS;
  let bytes = unsent();
  if (bytes === undefined) sleep(BLIND_DRAIN_SECONDS);
  while (bytes !== undefined && bytes > 0 && seconds() < until) {
    sleep(LOOK_AGAIN_SECONDS);
    bytes = unsent();
  }
}
