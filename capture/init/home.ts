/** The way home, whatever was captured: told to the supervisor first, which helps where the kernel is stuck in it. */
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FinalAction } from '../options.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { System } from './system.ts';

/** A reboot that is stuck in the kernel for longer is helped by sysrq. */
const HOME_SECONDS = 60;
/** In which the supervisor, which looks once a second, sees that a machine is to be halted, and disarms the watchdog. */
const DISARM_SECONDS = 3;

/** Does not return when it works. A watchdog is left running, so that a reboot that hangs is reset. */
export function goHome(
  action: FinalAction,
  { system, log, heartbeat }: { system: System; log: Log; heartbeat: Heartbeat },
  sleep: (seconds: number) => void,
): void {
  log.say('end', `going home: ${action}`);
  heartbeat.wait({ stallSeconds: HOME_SECONDS, endSeconds: 0, homeKey: action === 'poweroff' ? 'o' : 'b' });
  heartbeat.enter(action);
  if (action === 'halt') sleep(DISARM_SECONDS);
  try {
    system.goHome(action);
  } catch (error) {
    log.say('end', `${describeError(error)}; PID 1 ends, and the kernel's panic= is what is left`);
  }
}
