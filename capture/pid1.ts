/** PID 1: everything that must hold whatever the capture does. It never returns, and every way out is the way home. */
import { readFileSync } from 'node:fs';
import { describeError } from './errors.ts';
import { type Libc, openLibc } from './ffi/libc.ts';
import { type Ffi, openFfi } from './ffi/library.ts';
import { capture } from './flow/capture.ts';
import type { CaptureHooks, Clock } from './flow/context.ts';
import type { Outcome } from './flow/record.ts';
import { type FailedOutcome, openRescue } from './flow/rescue.ts';
import { drainConsole, openConsole, openConsoleDescriptor, unsentBytes } from './init/console.ts';
import { PREEN_SECONDS } from './init/fsck.ts';
import { lineWriter, openHeartbeat, type Patience } from './init/heartbeat.ts';
import { goHome } from './init/home.ts';
import { describeMemory } from './init/meminfo.ts';
import { openSystem, type System } from './init/system.ts';
import { setWatchdogTimes } from './init/watchdog.ts';
import { type Log, openLog } from './log.ts';
import { overrideOptions } from './options/command-line.ts';
import {
  type CaptureOptions,
  checkOptions,
  DEFAULT_OPTIONS,
  type FinalAction,
  GRACE_SECONDS,
  PROGRESS_FILE,
} from './options/schema.ts';
import { PROGRAM } from './version.ts';

const CONFIG = '/etc/kdumpling.json';
const VMCORE = '/proc/vmcore';

const wait = (seconds: number) =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);

/**
 * Captures and goes home, with a shell between where that is asked for. Should the way home itself fail, the process
 * ends, and the kernel, whose PID 1 that is, panics and reboots by its panic= (initrd/command-line.ts).
 */
export function runAsInit(hooks: CaptureHooks = {}): void {
  const heartbeat = openHeartbeat(lineWriter(PROGRESS_FILE), patienceOf(DEFAULT_OPTIONS));
  const clock: Clock = {
    seconds: () => Number(process.hrtime.bigint()) / 1e9,
    sleep(seconds) {
      heartbeat.beat(); // who waits for something on purpose, for a time of his own, is not stuck
      wait(seconds);
    },
    wallSeconds: () => Math.floor(Date.now() / 1000),
  };
  const consoleFd = openConsoleDescriptor();
  const log = openLog(openConsole(consoleFd, clock), clock.seconds);
  const onFailure = (text: string) => log.warn('system', text);
  const { ffi, libc } = openNative(onFailure);
  const calls = openSystem(libc, onFailure);
  const system: System = {
    ...calls,
    preen: (device, checker) => heartbeat.during(PREEN_SECONDS, () => calls.preen(device, checker)),
  };
  let plan: Pick<CaptureOptions, 'finalAction' | 'failureAction' | 'shellTimeout'> = DEFAULT_OPTIONS;
  const leave = (action: FinalAction): never => {
    const drain = () =>
      drainConsole(() => unsentBytes(consoleFd, libc), { seconds: clock.seconds, sleep: wait });
    goHome(action, { system, log, heartbeat, drain }, wait);
    process.exit(1);
  };
  let hadShell = false;
  const fail = (failure: FailedOutcome): void => {
    const { finalAction, failureAction, shellTimeout } = plan;
    // A fault of the shell's own leads home.
    if (hadShell) leave(finalAction);
    else if (failureAction !== 'shell') leave(failureAction);
    else {
      hadShell = true;
      const onEnd = () => leave(finalAction);
      openRescue(failure, { finalAction, idleSeconds: shellTimeout, clock, heartbeat, log, onEnd });
    }
  };
  const die = (error: unknown): void => {
    const reason = `a bug of ours: ${describeError(error)}`;
    log.say('end', `NOT saved: ${reason}; please report it with this log`);
    fail({ saved: false, reason, places: [] });
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    process.umask(0o077);
    log.say(
      'start',
      `${PROGRAM}, PID ${process.pid}, Node ${process.version}, ${describeMemory(readFileSync('/proc/meminfo', 'utf8'))}`,
    );
    setWatchdogTimes(libc, log);
    const options = readOptions(log);
    plan = options;
    heartbeat.wait(patienceOf(options));
    const outcome = capture({
      options,
      log,
      clock,
      heartbeat,
      system,
      ffi,
      libc,
      hooks,
      vmcorePath: VMCORE,
    });
    log.say('end', describeOutcome(outcome));
    if (outcome.saved) leave(options.finalAction);
    else fail(outcome);
  } catch (error) {
    die(error);
  }
}

function openNative(onFailure: (text: string) => void): { ffi?: Ffi; libc?: Libc } {
  try {
    const ffi = openFfi();
    const libc = openLibc(ffi);
    return { ffi, libc };
  } catch (error) {
    onFailure(`${describeError(error)}; going on without it, slower`);
    return {};
  }
}

function readOptions(log: Log): CaptureOptions {
  const baked = checkOptions(JSON.parse(readFileSync(CONFIG, 'utf8')));
  const { options, warnings } = overrideOptions(baked, readFileSync('/proc/cmdline', 'utf8'));
  for (const warning of warnings) log.warn('options', warning);
  return options;
}

function describeOutcome(outcome: Outcome): string {
  if (outcome.saved) {
    const files = outcome.files.map(({ name, bytes }) => `${name} ${bytes}`).join(', ');
    return `saved ${outcome.directory} (bytes: ${files})`;
  }
  const evidence = outcome.places.length
    ? `what could be saved is in ${outcome.places.join(' and ')}`
    : 'nothing is on the disk';
  return `NOT saved: ${outcome.reason}; ${evidence}`;
}

/** What the supervisor does where we are stuck: reboot, unless the machine is to be off. It cannot halt. */
function patienceOf(
  options: Pick<CaptureOptions, 'stallTimeout' | 'deadlineSeconds' | 'failureAction'>,
): Patience {
  return {
    stallSeconds: options.stallTimeout,
    endSeconds: options.deadlineSeconds + GRACE_SECONDS,
    homeKey: options.failureAction === 'poweroff' ? 'o' : 'b',
  };
}
