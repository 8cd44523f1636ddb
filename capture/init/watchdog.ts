/**
 * The hardware watchdog (Linux Documentation/watchdog/watchdog-api.rst). The early stage opens it, and the supervisor
 * feeds it while the capture moves (initrd/watch.sh): what is stuck is not fed. All that is left for the program is the
 * time, because a shell has no ioctl.
 */
import { Buffer } from 'node:buffer';
import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Libc } from '../ffi/libc.ts';
import type { Log } from '../log.ts';

/** Inherited from early.sh. */
const WATCHDOG_FD = 9;
/** linux/watchdog.h, `_IOWR('W', 6, int)` */
const WDIOC_SETTIMEOUT = 0xc004_5706;
/** Fed every second. Long enough for the kernel to be busy, and for the firmware to take over after a reboot. */
const TIMEOUT_SECONDS = 60;

/** Without the FFI the driver's own time stays, which is 30 s or more with all drivers that we bring. */
export function setWatchdogTime(libc: Libc | undefined, log: Log): void {
  if (!isWatchdog()) {
    log.say('watchdog', 'this machine has none that the image has a driver for');
    return;
  }
  try {
    // What it gives back is what the hardware can do.
    const seconds = libc && setTimeoutOf(libc);
    log.say(
      'watchdog',
      `${identity()}, ${seconds ?? 'its own'} ${seconds ? 's' : 'time'}, fed while the capture moves`,
    );
  } catch (error) {
    log.warn('watchdog', `${identity()} keeps its own time: ${describeError(error)}`);
  } finally {
    closeSync(WATCHDOG_FD); // the supervisor has it too, and must be the last to have it
  }
}

function setTimeoutOf(libc: Pick<Libc, 'ioctl'>): number {
  const seconds = Buffer.from(new Int32Array([TIMEOUT_SECONDS]).buffer);
  libc.ioctl(WATCHDOG_FD, WDIOC_SETTIMEOUT, seconds, `set ${TIMEOUT_SECONDS} s`);
  return seconds.readInt32LE();
}

function isWatchdog(): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${WATCHDOG_FD}`).startsWith('/dev/watchdog');
  } catch {
    return false;
  }
}

function identity(): string {
  try {
    return readFileSync('/sys/class/watchdog/watchdog0/identity', 'utf8').trim();
  } catch {
    return 'the watchdog';
  }
}
