/** The end of a capture: reboot, halt or power off. The supervisor is informed first, and helps where the kernel is stuck. */
import { readFileSync } from 'node:fs';
import { attempt, describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FinalAction } from '../options/schema.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { System } from './system.ts';

/** A reboot that takes longer is stuck in the kernel, and the supervisor forces it by sysrq. */
const SHUT_DOWN_SECONDS = 60;
/** The supervisor looks once a second: time for it to disarm the watchdogs of a machine that is to stay halted. */
const DISARM_SECONDS = 3;
/** Where the lean layout mounts the machine's own disk. This program runs from it, so it cannot be unmounted. */
const RUNTIME_DISK = '/disk';

export interface ShuttingDown {
  readonly system: Pick<System, 'mount' | 'shutDown'>;
  readonly log: Log;
  readonly heartbeat: Heartbeat;
  /** Waits, for a bounded time, until the console has sent everything. */
  drainConsole(): void;
  sleep(seconds: number): void;
}

/** Does not return when it works. A watchdog is left running, so that it resets a machine whose reboot hangs. */
export function shutDown(action: FinalAction, ending: ShuttingDown): void {
  const { system, log, heartbeat, drainConsole, sleep } = ending;
  log.say('end', `final action: ${action}`);
  const sysrqKey = action === 'poweroff' ? 'o' : 'b';
  heartbeat.wait({ stallSeconds: SHUT_DOWN_SECONDS, endSeconds: 0, sysrqKey });
  heartbeat.enter(action);
  if (action === 'halt') sleep(DISARM_SECONDS);
  attempt(
    () => remountRuntimeDisk(system),
    () => {}, // each way that failed has been logged; the next boot replays the journal
  );
  attempt(drainConsole, error => log.say('end', describeError(error)));
  attempt(
    () => system.shutDown(action),
    error =>
      log.say('end', `${describeError(error)}; PID 1 ends now, and the kernel reboots by its panic= option`),
  );
}

/** Everything written is synced already. Read-only, the file system is also clean for the next boot. */
function remountRuntimeDisk(system: Pick<System, 'mount'>): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const [source, , fstype] = mounts.find(line => line.split(' ')[1] === RUNTIME_DISK)?.split(' ') ?? [];
  if (source) system.mount({ source, target: RUNTIME_DISK, fstype, options: ['remount', 'ro'] });
}
