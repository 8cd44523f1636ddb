/**
 * Runs a judge's process without a terminal, with a minimal environment and a time limit. It returns the exit code and does
 * not judge it, since the tools' exit codes cannot be trusted.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { SystemError } from '../../capture/errors.ts';

/** More than any tool prints about a sound dump. With a broken one crash can print without end. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface Bounds {
  readonly timeoutSeconds: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** File to use as standard input. */
  readonly input?: string;
}

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** null when a signal ended the process. */
  readonly exitCode: number | null;
  /** We killed it: it took too long, or printed too much. */
  readonly killed?: 'timeout' | 'output';
}

export function runBounded(
  argv: readonly string[],
  { timeoutSeconds, cwd, env, input }: Bounds,
): Promise<Outcome> {
  const [command, ...args] = argv as [string, ...string[]];
  const stdin = input === undefined ? undefined : openSync(input, 'r');
  // setpriv: when the lab is killed, the tool dies with it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
    cwd,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TERM: 'dumb', HOME: '/nonexistent', ...env },
    stdio: [stdin ?? 'ignore', 'pipe', 'pipe'],
  });
  if (stdin !== undefined) closeSync(stdin);
  return new Promise((done, failed) => {
    const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
    let sizeBytes = 0;
    let killed: Outcome['killed'];
    const kill = (why: 'timeout' | 'output') => {
      killed ??= why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => kill('timeout'), timeoutSeconds * 1000);
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]!.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_OUTPUT_BYTES) kill('output');
        else chunks[stream].push(chunk);
      });
    }
    child.once('error', cause => {
      clearTimeout(timer);
      const what = { action: `run ${command}`, actual: 'it does not start', wanted: 'an executable file' };
      failed(new SystemError('SPAWN', what, {}, { cause }));
    });
    child.once('close', exitCode => {
      clearTimeout(timer);
      const text = (stream: 'stdout' | 'stderr') => Buffer.concat(chunks[stream]).toString('utf8');
      done({ stdout: text('stdout'), stderr: text('stderr'), exitCode, ...(killed ? { killed } : {}) });
    });
  });
}
