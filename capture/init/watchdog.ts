/**
 * The hardware watchdogs (Linux Documentation/watchdog/watchdog-api.rst). The early stage opens them, and the supervisor
 * feeds them while the capture moves (initrd/watch.sh): what is stuck is not fed. All that is left for the program is the
 * time, because a shell has no ioctl.
 */
import { Buffer } from 'node:buffer';
import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Libc } from '../ffi/libc.ts';
import type { Log } from '../log.ts';

/** Inherited from early.sh, those that are watchdogs. */
const WATCHDOG_FDS = [9, 7, 6, 5];
/** linux/watchdog.h, `_IOWR('W', 6, int)` */
const WDIOC_SETTIMEOUT = 0xc004_5706;
/** Fed every second. Long enough for the kernel to be busy, and for the firmware to take over after a reboot. */
const TIMEOUT_SECONDS = 60;

/** Without the FFI the driver's own time stays, which is 30 s or more with all drivers that we bring. */
export function setWatchdogTimes(libc: Libc | undefined, log: Log): void {
  const found = WATCHDOG_FDS.flatMap(fd => {
    const device = watchdogAt(fd);
    return device === undefined ? [] : [{ fd, device }];
  });
  for (const { fd, device } of found) setTime(fd, identity(device), libc, log);
  if (found.length === 0) log.say('watchdog', 'this machine has none that the image has a driver for');
}

function setTime(fd: number, name: string, libc: Libc | undefined, log: Log): void {
  try {
    // What it gives back is what the hardware can do.
    const seconds = libc && setTimeoutOf(fd, libc);
    log.say(
      'watchdog',
      `${name}, ${seconds ?? 'its own'} ${seconds ? 's' : 'time'}, fed while the capture moves`,
    );
  } catch (error) {
    log.warn('watchdog', `${name} keeps its own time: ${describeError(error)}`);
  } finally {
    closeSync(fd); // the supervisor has it too, and must be the last to have it
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
