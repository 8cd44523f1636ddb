/** Runs a debugger on this terminal, as if the user had started it. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { SystemError } from '../../../capture/errors.ts';

/**
 * Of the terminal's own signals the debugger gets its copy from the terminal, which signals the whole group: Ctrl-C ends
 * what the debugger is doing and not the debugger, and is nothing to us. What is sent to this process alone is passed on.
 * @param input what it reads in place of the terminal.
 * @returns its exit code; 128 and the signal's number when a signal ended it, as a shell says it.
 */
export async function runDebugger(
  program: string,
  args: readonly string[],
  input: string | undefined,
): Promise<number> {
  const child = spawn(program, args, {
    stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'],
  });
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  const leave = () => {};
  const ofTerminal: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
  const onTerminal = process.stdin.isTTY && input === undefined ? leave : passOn;
  for (const signal of ofTerminal) process.on(signal, onTerminal);
  for (const signal of PASSED_ON) process.on(signal, passOn);
  // It may have ended before it reads all of its input.
  child.stdin?.on('error', leave);
  child.stdin?.end(input);
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (...how) => resolve(how));
    });
    return code ?? 128 + constants.signals[signal!];
  } catch (error) {
    throw new SystemError('SPAWN', { action: `start ${program}`, actual: (error as Error).message });
  } finally {
    for (const name of ofTerminal) process.off(name, onTerminal);
    for (const name of PASSED_ON) process.off(name, passOn);
  }
}

const PASSED_ON: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP'];
