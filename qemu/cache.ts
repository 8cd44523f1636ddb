/**
 * The lab's cache: what was fetched from outside (kernels, tools, package lists), kept between runs. A thing in it is
 * either whole or not there: it is filled under another name and renamed. Two runs at once wait for one another.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SystemError } from '../capture/errors.ts';

const CACHE_VARIABLE = 'KDUMPLING_CACHE';
const PROJECT_DIR = join(import.meta.dirname, '..');
const MIB = 1024 * 1024;

export interface Cache {
  /** Absolute path. */
  readonly dir: string;
  /** Where lines for the user go. */
  readonly say: (line: string) => void;
}

/** `<project>/.cache`, or where $KDUMPLING_CACHE says. */
export function openCache(
  say: (line: string) => void = line => console.error(line),
  env: NodeJS.ProcessEnv = process.env,
): Cache {
  const dir = resolve(env[CACHE_VARIABLE] || join(PROJECT_DIR, '.cache'));
  try {
    mkdirSync(dir, { recursive: true });
  } catch (cause) {
    throw new SystemError(
      'CACHE_DIR',
      {
        action: 'open the cache',
        actual: `${dir} cannot be made`,
        wanted: `set ${CACHE_VARIABLE} to a folder of yours`,
      },
      { path: dir },
      { cause },
    );
  }
  return { dir, say };
}

/** Fails before a big download and not in the middle of it. */
export async function requireSpace(cache: Cache, neededBytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(cache.dir);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new SystemError(
    'CACHE_FULL',
    {
      action: `fetch ${what}`,
      actual: `${mib(freeBytes)} MiB are free in ${cache.dir}`,
      wanted: `it needs ${mib(neededBytes)} MiB (set ${CACHE_VARIABLE} to a folder on a larger disk)`,
    },
    { freeBytes, neededBytes },
  );
}

/** Says what begins and how long it took: for work that a user would otherwise wait for in silence. */
export async function announced<T>(cache: Cache, what: string, work: () => Promise<T>): Promise<T> {
  cache.say(`${what} …`);
  const startedMs = Date.now();
  const result = await work();
  cache.say(`${what}: ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}

/** Fills a folder under another name and puts it in its place when `fill` has succeeded. Hold a lock around it. */
export async function publishDir(
  finalDir: string,
  fill: (partialDir: string) => Promise<void>,
): Promise<void> {
  const [partial, old] = [`${finalDir}.partial`, `${finalDir}.old`];
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await fill(partial);
  await mkdir(dirname(finalDir), { recursive: true });
  await rm(old, { recursive: true, force: true });
  if (existsSync(finalDir)) await rename(finalDir, old);
  await rename(partial, finalDir);
  await rm(old, { recursive: true, force: true });
}

/**
 * Runs `work` while holding the cache's lock of this name. The lock is a flock held by a child whose stdin is ours: it
 * ends with this process however this process ends, so that a lock never outlives its owner.
 */
export async function withLock<T>(cache: Cache, name: string, work: () => Promise<T>): Promise<T> {
  const locks = join(cache.dir, 'locks');
  await mkdir(locks, { recursive: true });
  const release = await acquire(cache, join(locks, name));
  try {
    return await work();
  } finally {
    await release();
  }
}

function acquire(cache: Cache, path: string): Promise<() => Promise<void>> {
  // util-linux is an essential package of Debian: flock is always there. A group of its own keeps Ctrl-C from it.
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const waiting = setTimeout(() => cache.say(`waiting for another run (it holds ${path}) …`), 1000);
  return new Promise((held, failed) => {
    const fail = (cause?: Error) => {
      clearTimeout(waiting);
      const what = {
        action: 'lock the cache',
        actual: 'flock failed',
        wanted: 'a local file system and util-linux',
      };
      failed(new SystemError('CACHE_LOCK', what, { path }, { cause }));
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

function mib(bytes: number): number {
  return Math.round(bytes / MIB);
}
