/**
 * The hardware watchdogs (Linux Documentation/watchdog/watchdog-api.rst). The early stage opens them, and the supervisor
 * feeds them as long as the capture makes progress (initrd/watch.sh). The program only sets their timeouts, because a
 * shell has no ioctl.
 */
import { Buffer } from 'node:buffer';
import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Libc } from '../ffi/libc.ts';
import type { Log } from '../log.ts';

/** Inherited from early.sh. Those that are open may be watchdogs. */
const WATCHDOG_FDS = [9, 7, 6, 5];
/** linux/watchdog.h, `_IOWR('W', 6, int)` */
const WDIOC_SETTIMEOUT = 0xc004_5706;
/** They are fed every second. Long enough for a busy kernel, and for the firmware to start after a reboot. */
const TIMEOUT_SECONDS = 60;

/** Without the FFI the driver's own timeout stays, which is 30 s or more with every driver in the image. */
export function setWatchdogTimes(libc: Libc | undefined, log: Log): void {
  const found = WATCHDOG_FDS.flatMap(fd => {
    const device = watchdogAt(fd);
    return device === undefined ? [] : [{ fd, device }];
  });
  for (const { fd, device } of found) setTime(fd, identity(device), libc, log);
  if (found.length === 0) log.say('watchdog', 'none found that the image has a driver for');
}

function setTime(fd: number, name: string, libc: Libc | undefined, log: Log): void {
  try {
    // The driver returns the nearest timeout that the hardware can do.
    const seconds = libc && setTimeoutOf(fd, libc);
    log.say(
      'watchdog',
      `${name}, ${seconds === undefined ? 'its own timeout' : `${seconds} s`}, fed while the capture makes progress`,
    );
  } catch (error) {
    log.warn('watchdog', `${name} keeps its own timeout: ${describeError(error)}`);
  } finally {
    closeSync(fd); // the supervisor holds it too, and must be the last to close it
  }
}

function setTimeoutOf(fd: number, libc: Pick<Libc, 'ioctl'>): number {
  const seconds = Buffer.from(new Int32Array([TIMEOUT_SECONDS]).buffer);
  libc.ioctl(fd, WDIOC_SETTIMEOUT, seconds, `set ${TIMEOUT_SECONDS} s`);
  return seconds.readInt32LE();
}

/** Its name in /dev. */
function watchdogAt(fd: number): string | undefined {
  try {
    return /^\/dev\/(watchdog\d+)$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  } catch {
    return undefined;
  }
}

function identity(device: string): string {
  try {
    return readFileSync(`/sys/class/watchdog/${device}/identity`, 'utf8').trim();
  } catch {
    return 'the watchdog';
  }
}
