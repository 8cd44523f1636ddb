/** PID 1: opens the real machine that the capture program runs on. It never returns, and only here does a process end. */
import { readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { attempt, describeError } from './errors.ts';
import { type Libc, openLibc } from './ffi/libc.ts';
import { type Ffi, openFfi } from './ffi/library.ts';
import type { CaptureHooks, Clock } from './flow/context.ts';
import { type Machine, patienceOf, runCapture } from './flow/run.ts';
import { openCaptureTarget } from './flow/target.ts';
import { drainConsole, openConsole, openConsoleDescriptor, unsentBytes } from './init/console.ts';
import { PREEN_SECONDS } from './init/fsck.ts';
import { lineWriter, openHeartbeat } from './init/heartbeat.ts';
import { openMemoryBudget } from './init/memory-budget.ts';
import { openShell } from './init/shell.ts';
import { openSystem } from './init/system.ts';
import { openLog } from './log.ts';
import { NODE_COMMAND, START_PROGRAM } from './options/runtime.ts';
import { DEFAULT_OPTIONS, PROGRESS_FILE } from './options/schema.ts';
import { pause } from './pause.ts';
import { codeCacheOf } from './program-code.ts';
import { AUTOPSY_FLAGS, autopsist } from './scene/child.ts';

const VMCORE = '/proc/vmcore';
/** The image has them beside this program (initrd/image.ts). All of its files are in memory until they are removed. */
const PROGRAM = '/capture.js';
const AUTOPSY_PROGRAM = '/autopsy.js';
const THREAD_PROGRAM = '/dump-thread.js';
const AUTOPSY_DIRECTORY = '/run/autopsy';

/** Captures and takes the final action, with a rescue shell between where that is configured. */
export function runAsInit(hooks: CaptureHooks = {}): void {
  process.umask(0o077);
  runCapture(openMachine(hooks));
}

function openMachine(hooks: CaptureHooks): Machine {
  const heartbeat = openHeartbeat(lineWriter(PROGRESS_FILE), patienceOf(DEFAULT_OPTIONS));
  const clock: Clock = {
    seconds: () => Number(process.hrtime.bigint()) / 1e9,
    sleep(seconds) {
      heartbeat.beat(); // waiting on purpose, for a bounded time, is not being stuck
      sleep(seconds);
    },
    wallSeconds: () => Math.floor(Date.now() / 1000),
  };
  const readText = (path: string) => readFileSync(path, 'utf8');
  const consoleFd = openConsoleDescriptor();
  const write = openConsole(consoleFd, clock);
  const log = openLog(line => {
    if (write(line)) heartbeat.shown();
  }, clock.seconds);
  const onFailure = (text: string) => log.warn('system', text);
  const { ffi, libc } = openNative(onFailure);
  freeMemoryOf(PROGRAM); // Node has read it. Whoever starts again has it packed (initrd/again.sh).
  const system = openSystem(libc, onFailure);
  return {
    clock,
    log,
    heartbeat,
    memory: openMemoryBudget(readText),
    system: { ...system, preen: (...args) => heartbeat.during(PREEN_SECONDS, () => system.preen(...args)) },
    ffi,
    libc,
    hooks,
    vmcorePath: VMCORE,
    compressors: { cpus: availableParallelism(), program: THREAD_PROGRAM },
    autopsist: autopsist({
      node: NODE_COMMAND,
      flags: [...AUTOPSY_FLAGS, START_PROGRAM],
      program: AUTOPSY_PROGRAM,
      vmcorePath: VMCORE,
      directory: AUTOPSY_DIRECTORY,
      discard: () => freeMemoryOf(AUTOPSY_PROGRAM),
      libc,
    }),
    sleep,
    readText,
    openTarget: openCaptureTarget,
    openShell,
    drainConsole: () => drainConsole(() => unsentBytes(consoleFd, libc), { seconds: clock.seconds, sleep }),
    onUncaught(handle) {
      process.on('uncaughtException', handle);
      process.on('unhandledRejection', handle);
    },
    exit: () => process.exit(1),
  };
}

function freeMemoryOf(program: string): void {
  for (const file of [program, codeCacheOf(program)]) attempt(() => rmSync(file, { force: true }));
}

function sleep(seconds: number): void {
  pause(seconds * 1000);
}

function openNative(onFailure: (text: string) => void): { ffi?: Ffi; libc?: Libc } {
  try {
    const ffi = openFfi();
    return { ffi, libc: openLibc(ffi) };
  } catch (error) {
    onFailure(`${describeError(error)}; continuing without it, more slowly`);
    return {};
  }
}
