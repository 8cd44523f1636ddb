/**
 * The rescue shell, for a capture that failed where failureAction asks for one: busybox on the serial console, with job
 * control, ended after a time without input or output.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';
import { busybox } from './busybox.ts';
import type { Heartbeat } from './heartbeat.ts';
import { IdleTimer } from './idle.ts';

export interface ShellRequest {
  /** Lines to show first. */
  readonly banner: readonly string[];
  /** Seconds without input or output after which the shell ends; 0: never. */
  readonly idleSeconds: number;
  readonly clock: { seconds(): number };
  readonly heartbeat: Heartbeat;
  readonly log: Log;
  /** Called once, when the shell has ended or could not be started. */
  onEnd(): void;
}

const LOOK_EVERY_MS = 1000;
/** The supervisor still watches this program, which beats every second here. */
const PATIENCE = { stallSeconds: 60, endSeconds: 0, sysrqKey: 'b' } as const;
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
    log.say('shell', `no input or output for ${idleSeconds} s; the shell is closed`);
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
  shell.on('error', error => end(`cannot start the shell: ${describeError(error)}`));
}

/** In a session of its own with the console's real terminal, without which Ctrl-C and `fg` do not work. */
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

/** The last of the active consoles, which is what busybox cttyhack takes. */
function consoleTty(): string {
  try {
    return `/dev/${readFileSync('/sys/class/tty/console/active', 'utf8').trim().split(' ').at(-1)}`;
  } catch {
    return '/dev/console';
  }
}

/** When the terminal last had input or output, to the nearest 8 s (Linux drivers/tty/tty_io.c, tty_update_time). */
function lastUse(tty: string): number {
  try {
    const { atimeMs, mtimeMs } = statSync(tty);
    return Math.max(atimeMs, mtimeMs);
  } catch {
    return 0;
  }
}
