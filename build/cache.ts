/**
 * The lab's cache: kernels, tools and package lists that were fetched, kept between runs. An entry is either whole or
 * absent: it is filled under another name and renamed. Two runs at once wait for each other.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SystemError } from '../capture/errors.ts';
import { withFileLock } from './file-lock.ts';
import { PROJECT } from './paths.ts';

const CACHE_VARIABLE = 'KDUMPLING_CACHE';
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
  const dir = resolve(env[CACHE_VARIABLE] || join(PROJECT, '.cache'));
  try {
    makeFolder(dir);
  } catch (cause) {
    throw new SystemError(
      'CACHE_DIR',
      {
        action: 'open the cache',
        actual: `the folder ${dir} cannot be made`,
        toDo: `set ${CACHE_VARIABLE} to a folder that you can write to`,
      },
      { path: dir },
      { cause },
    );
  }
  return { dir, say };
}

/**
 * Not by Node's own `recursive`: it takes an ENOENT for a missing parent, and so tries for ever where the parent exists
 * (/proc, a dangling symbolic link; MKDirpSync in Node's src/node_file.cc).
 */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  makeFolder(dirname(dir));
  try {
    mkdirSync(dir);
  } catch (error) {
    // Another run may have made it meanwhile.
    if (!existsSync(dir)) throw error;
  }
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
      wanted: `${mib(neededBytes)} MiB`,
      toDo: `set ${CACHE_VARIABLE} to a folder on a larger disk`,
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

/** Runs `work` while holding the cache's lock of this name. */
export async function withLock<T>(cache: Cache, name: string, work: () => Promise<T>): Promise<T> {
  const locks = join(cache.dir, 'locks');
  await mkdir(locks, { recursive: true });
  return withFileLock(join(locks, name), cache.say, work);
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB);
}
