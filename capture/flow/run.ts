/**
 * The capture program from its first line to the final action, whatever fails on the way. What it runs on is given, so
 * that a test can take the machine's place; pid1.ts opens the real one.
 */
import { attempt, describeError } from '../errors.ts';
import type { Patience } from '../init/heartbeat.ts';
import { describeMemory } from '../init/meminfo.ts';
import type { ShellRequest } from '../init/shell.ts';
import { type ShuttingDown, shutDown } from '../init/shut-down.ts';
import { setWatchdogTimes } from '../init/watchdog.ts';
import { overrideOptions } from '../options/command-line.ts';
import {
  type CaptureOptions,
  checkOptions,
  DEFAULT_OPTIONS,
  type FinalAction,
  GRACE_SECONDS,
} from '../options/schema.ts';
import type { TargetSpec } from '../options/target-spec.ts';
import type { OpenTarget } from '../storage/open-target.ts';
import { PROGRAM } from '../version.ts';
import { capture } from './capture.ts';
import type { CaptureContext } from './context.ts';
import type { FailedOutcome, Outcome } from './record.ts';
import { openRescue } from './rescue.ts';
import type { TargetContext } from './target.ts';

/** What the capture program runs on. */
export interface Machine
  extends Omit<CaptureContext, 'options' | 'openTarget' | 'commandLine'>,
    Pick<ShuttingDown, 'drainConsole'> {
  /** Waits without a sign of life to the supervisor. */
  sleep(seconds: number): void;
  openTarget(context: TargetContext, spec: TargetSpec): OpenTarget;
  openShell(request: ShellRequest): void;
  /** Takes what handles an error that nothing caught, for as long as the program runs. */
  onUncaught(handle: (error: unknown) => void): void;
  /** Ends the program. The kernel, whose PID 1 that is, panics and reboots by its panic= option. */
  exit(): never;
}

const CONFIG = '/etc/kdumpling.json';

/** Does not return before the final action or the rescue shell. */
export function runCapture(machine: Machine): void {
  const { log } = machine;
  let options: Ending = DEFAULT_OPTIONS;
  let stage: 'capturing' | 'in the shell' | 'leaving' = 'capturing';

  const leave = (action: FinalAction): never => {
    stage = 'leaving';
    shutDown(action, machine);
    return machine.exit();
  };
  const fail = (outcome: FailedOutcome): void => {
    const { finalAction, failureAction, shellTimeout: idleSeconds } = options;
    if (failureAction === 'shell') {
      stage = 'in the shell';
      openRescue(outcome, { ...machine, finalAction, idleSeconds, onEnd: () => leave(finalAction) });
    } else leave(failureAction);
  };
  const die = (error: unknown): void => {
    if (stage === 'leaving') machine.exit();
    const reason = `unexpected error: ${describeError(error)}; what to do: report this with the log`;
    if (stage === 'capturing') {
      log.say('end', `NOT saved: ${reason}`);
      fail({ saved: false, reason, places: [] });
    } else {
      log.say('shell', reason);
      leave(options.finalAction);
    }
  };
  machine.onUncaught(die);
  let outcome: Outcome;
  try {
    log.say('start', `${PROGRAM}, PID ${process.pid}, Node ${process.version}, ${memoryOf(machine)}`);
    setWatchdogTimes(machine.libc, log);
    const commandLine = readCommandLine(machine);
    const all = readOptions(machine, commandLine);
    options = all;
    machine.heartbeat.wait(patienceOf(all));
    outcome = capture({
      ...machine,
      options: all,
      commandLine,
      openTarget: spec => machine.openTarget({ ...machine, options: all }, spec),
    });
    log.say('end', describeOutcome(outcome));
  } catch (error) {
    die(error);
    return;
  }
  if (outcome.saved) leave(options.finalAction);
  else fail(outcome);
}

/** How a capture ends. Until the options are read, the defaults say it. */
type Ending = Pick<CaptureOptions, 'finalAction' | 'failureAction' | 'shellTimeout'>;

function memoryOf({ readText }: Machine): string {
  return describeMemory(
    attempt(
      () => readText('/proc/meminfo'),
      () => {},
    ) ?? '',
  );
}

/** Degrades to an empty one, which changes no option. */
function readCommandLine({ readText, log }: Machine): string {
  return (
    attempt(
      () => readText('/proc/cmdline'),
      error => log.warn('options', describeError(error)),
    ) ?? ''
  );
}

/** @throws when the options in the image cannot be read. */
function readOptions({ readText, log }: Machine, commandLine: string): CaptureOptions {
  const baked = checkOptions(JSON.parse(readText(CONFIG)));
  const { options, warnings } = overrideOptions(baked, commandLine);
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

/** What the supervisor does when the capture is stuck: reboot, unless the machine is to be off. It cannot halt. */
export function patienceOf(
  options: Pick<CaptureOptions, 'stallTimeout' | 'deadlineSeconds' | 'failureAction'>,
): Patience {
  return {
    stallSeconds: options.stallTimeout,
    endSeconds: options.deadlineSeconds + GRACE_SECONDS,
    sysrqKey: options.failureAction === 'poweroff' ? 'o' : 'b',
  };
}
