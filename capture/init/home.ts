/** The way home, whatever was captured: told to the supervisor first, which helps where the kernel is stuck in it. */
import { readFileSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FinalAction } from '../options/schema.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { System } from './system.ts';

/** A reboot that is stuck in the kernel for longer is helped by sysrq. */
const HOME_SECONDS = 60;
/** In which the supervisor, which looks once a second, sees that a machine is to be halted, and disarms the watchdog. */
const DISARM_SECONDS = 3;

/** Does not return when it works. A watchdog is left running, so that a reboot that hangs is reset. */
export function goHome(
  action: FinalAction,
  { system, log, heartbeat, drain }: { system: System; log: Log; heartbeat: Heartbeat; drain: () => void },
  sleep: (seconds: number) => void,
): void {
  log.say('end', `going home: ${action}`);
  heartbeat.wait({ stallSeconds: HOME_SECONDS, endSeconds: 0, homeKey: action === 'poweroff' ? 'o' : 'b' });
  heartbeat.enter(action);
  if (action === 'halt') sleep(DISARM_SECONDS);
  settleRuntimeDisk(system);
  drain();
  try {
    system.goHome(action);
  } catch (error) {
    log.say('end', `${describeError(error)}; PID 1 ends, and the kernel's panic= is what is left`);
  }
}

/** Where Node lies on the machine's own disk, that is still mounted: our own program runs from it. */
const RUNTIME_DISK = '/disk';

/** What was written is synced already; read-only, the file system is clean for the next boot as well. */
function settleRuntimeDisk(system: System): void {
  try {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    const [source, , fstype] = mounts.find(line => line.split(' ')[1] === RUNTIME_DISK)?.split(' ') ?? [];
    if (source) system.mount({ source, target: RUNTIME_DISK, fstype, options: ['remount', 'ro'] });
  } catch {
    // each way that failed has said so; the next boot replays the journal
  }
}
