/**
 * The rescue shell, for a capture that failed where the configuration asks for one: busybox on the serial console, with
 * job control, and with a time after which nobody is there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import { busybox } from './busybox.ts';
import type { Heartbeat } from './heartbeat.ts';
import { IdleTimer } from './idle.ts';

export interface ShellRequest {
  /** What the person is told first, a line each. */
  readonly banner: readonly string[];
  /** Seconds without input or output after which the shell ends; 0: it waits for ever. */
  readonly idleSeconds: number;
  readonly clock: { seconds(): number };
  readonly heartbeat: Heartbeat;
  readonly log: Log;
  /** Called once, when the shell has ended or could not be started. */
  onEnd(): void;
}

const LOOK_EVERY_MS = 1000;
/** The supervisor still minds whether we live: here something moves every second. */
const PATIENCE = { stallSeconds: 60, endSeconds: 0, homeKey: 'b' } as const;
/** After SIGHUP, before SIGKILL. */
const GRACE_MS = 3000;

/** Returns at once; the shell lives on Node's event loop. */
export function openShell({ banner, idleSeconds, clock, heartbeat, log, onEnd }: ShellRequest): void {
  heartbeat.wait(PATIENCE);
  heartbeat.enter('shell');
  for (const line of banner) log.say('shell', line);
  if (idleSeconds > 0) log.say('shell', `it ends after ${idleSeconds} s without input or output`);

  const shell = startShell(log);
  const tty = consoleTty();
  const idle = new IdleTimer(idleSeconds, clock.seconds());
  const looking = setInterval(() => {
    heartbeat.beat();
    if (idle.look(lastUse(tty), clock.seconds()) !== 'over') return;
    clearInterval(looking);
    log.say('shell', `nobody was there for ${idleSeconds} s`);
    hangUp(shell);
  }, LOOK_EVERY_MS);
  let ended = false;
  const end = (how: string): void => {
    if (ended) return;
    ended = true;
    clearInterval(looking);
    log.say('shell', how);
    onEnd();
  };
  shell.on('exit', (status, signal) => end(`the shell has ended (${signal ?? `status ${status}`})`));
  shell.on('error', error => end(`there is no shell: ${describeError(error)}`));
}

/** A session of its own whose terminal is the console's real one: that is what makes Ctrl-C and `fg` work. */
function startShell(log: Log): ChildProcess {
  try {
    busybox('--install', '-s', '/bin');
  } catch (error) {
    log.warn('shell', `commands need "busybox" before them: ${describeError(error)}`);
  }
  return spawn('/bin/busybox', ['setsid', 'busybox', 'cttyhack', 'busybox', 'sh', '-i'], {
    stdio: 'inherit',
    cwd: '/',
    env: { PATH: '/bin', HOME: '/', TERM: 'vt102', PS1: 'kdumpling# ' },
  });
}

function hangUp(shell: ChildProcess): void {
  shell.kill('SIGHUP');
  setTimeout(() => shell.kill('SIGKILL'), GRACE_MS);
}

/** As busybox cttyhack finds it: the last of the active consoles. */
function consoleTty(): string {
  try {
    return `/dev/${readFileSync('/sys/class/tty/console/active', 'utf8').trim().split(' ').at(-1)}`;
  } catch {
    return '/dev/console';
  }
}

/** When somebody last typed or something was last written there; the kernel keeps it to some seconds (drivers/tty/tty_io.c). */
function lastUse(tty: string): number {
  try {
    const { atimeMs, mtimeMs } = statSync(tty);
    return Math.max(atimeMs, mtimeMs);
  } catch {
    return 0;
  }
}
