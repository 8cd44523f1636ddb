/** A lock file: one run at a time among all that share a folder. */
import { spawn } from 'node:child_process';
import { SystemError } from '../capture/errors.ts';

/**
 * Runs `work` while holding the lock `path`, a file whose folder exists. A child holds the lock (flock(1)). Its standard
 * input is a pipe from this process and closes when this process ends, so that a lock never outlives its owner.
 * @throws SystemError, and what `work` throws
 */
export async function withFileLock<T>(
  path: string,
  say: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const release = await acquire(path, say);
  try {
    return await work();
  } finally {
    await release();
  }
}

function acquire(path: string, say: (line: string) => void): Promise<() => Promise<void>> {
  // util-linux is essential on Debian, so flock is always present. A process group of its own keeps Ctrl-C from it.
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const waiting = setTimeout(() => say(`waiting for another run (it holds ${path}) …`), 1000);
  return new Promise((held, failed) => {
    const fail = (cause?: Error) => {
      clearTimeout(waiting);
      const what = {
        action: `lock ${path}`,
        actual: 'flock failed',
        wanted: 'a local file system and util-linux',
      };
      failed(new SystemError('FILE_LOCK', what, { path }, { cause }));
    };
    const exited = new Promise<void>(done => holder.once('exit', () => done()));
    holder.once('error', fail);
    holder.once('exit', () => fail());
    holder.stdout.once('data', () => {
      clearTimeout(waiting);
      held(async () => {
        holder.stdin.end();
        await exited;
      });
    });
  });
}
