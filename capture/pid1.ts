/** PID 1: everything that must hold whatever the capture does. It never returns, and every way out is the way home. */
import { readFileSync, writeSync } from 'node:fs';
import { capture, type Outcome } from './capture.ts';
import { describeError } from './errors.ts';
import { type Libc, openLibc } from './ffi/libc.ts';
import { type Ffi, openFfi } from './ffi/library.ts';
import { describeMemory } from './init/meminfo.ts';
import { openSystem, type System } from './init/system.ts';
import { type Log, openLog } from './log.ts';
import {
  type CaptureOptions,
  checkOptions,
  DEFAULT_OPTIONS,
  type FinalAction,
  overrideOptions,
} from './options.ts';
import type { CaptureHooks, Clock } from './phases.ts';
import { PROGRAM } from './version.ts';

const CONFIG = '/etc/kdumpling.json';
const VMCORE = '/proc/vmcore';
const CONSOLE_FD = 1;

const CLOCK: Clock = {
  seconds: () => Number(process.hrtime.bigint()) / 1e9,
  sleep: seconds => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000),
  wallSeconds: () => Math.floor(Date.now() / 1000),
};

/**
 * Captures and goes home. Should the way home itself fail, the process ends, and the kernel, whose PID 1 that is,
 * panics and reboots by its panic= (initrd/command-line.ts).
 */
export function runAsInit(hooks: CaptureHooks = {}): void {
  const log = openLog(line => void writeSync(CONSOLE_FD, line), CLOCK.seconds);
  const onFailure = (text: string) => log.warn('system', text);
  const { ffi, libc } = openNative(onFailure);
  const system = openSystem(libc, onFailure);
  let action: FinalAction = DEFAULT_OPTIONS.failureAction;
  const die = (error: unknown) => {
    log.say('end', `NOT saved: a bug of ours: ${describeError(error)}; please report it with this log`);
    goHome(system, action, log);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    process.umask(0o077);
    log.say(
      'start',
      `${PROGRAM}, PID ${process.pid}, Node ${process.version}, ${describeMemory(readFileSync('/proc/meminfo', 'utf8'))}`,
    );
    const options = readOptions(log);
    action = options.failureAction;
    const outcome = capture({ options, log, clock: CLOCK, system, ffi, libc, hooks, vmcorePath: VMCORE });
    if (outcome.saved) action = options.finalAction;
    log.say('end', describeOutcome(outcome));
    goHome(system, action, log);
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
  const evidence = outcome.directory
    ? `what could be saved is in ${outcome.directory}`
    : 'nothing is on the disk';
  return `NOT saved: ${outcome.reason}; ${evidence}`;
}

function goHome(system: System, action: FinalAction, log: Log): never {
  log.say('end', `going home: ${action}`);
  try {
    system.goHome(action);
  } catch (error) {
    log.say('end', `${describeError(error)}; PID 1 ends, and the kernel's panic= is what is left`);
  }
  process.exit(1);
}
