/** Debug symbols from debuginfod servers, kept where its other clients find them. Half a download never has the name. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, Failure } from '../../../capture/errors.ts';
import { PROGRAM } from '../../../capture/version.ts';
import { shown } from '../cli/destination.ts';
import { download } from '../upload/download.ts';
import { Refused } from '../upload/errors.ts';
import { isWorthRetrying } from '../upload/retry.ts';
import { type DebuginfodSettings, debuginfoUrl } from './debuginfod-settings.ts';
import { elfFacts, type Rejected, type Search, whyNot } from './vmlinux.ts';

export interface Downloading {
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
  readonly onProgress: (done: number, total: number) => void;
}

/** As elfutils: DEBUGINFOD_RETRY_LIMIT's default. */
const TRIES = 2;
const MOST_CONNECT_SECONDS = 20;
const READ_ONLY = 0o400;

/** Without a request where the cache has it. @throws what writing the cache throws; the signal's reason. */
export async function findByDebuginfod(
  buildId: string,
  settings: DebuginfodSettings,
  how: Downloading,
): Promise<Search> {
  const folder = join(settings.cache, buildId);
  const path = join(folder, 'debuginfo');
  if (whyNot(elfFacts(path), buildId) === undefined) return { vmlinux: { path }, rejected: [] };
  const rejected: Rejected[] = settings.unusable.map(word => ({
    path: word,
    why: 'it is not an http or https URL',
  }));
  for (const server of settings.servers) {
    how.say(`asking ${shown(server)} for build id ${buildId}`);
    const why = await tryServer(debuginfoUrl(server, buildId), buildId, { folder, path, settings, how });
    if (why === undefined) return { vmlinux: { path }, rejected };
    rejected.push({ path: shown(server), why });
  }
  return { rejected };
}

interface Place {
  readonly folder: string;
  readonly path: string;
  readonly settings: DebuginfodSettings;
  readonly how: Downloading;
}

/** @returns why it is not in the cache now. */
async function tryServer(url: URL, buildId: string, place: Place): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await keep(url, buildId, place);
    } catch (error) {
      place.how.signal.throwIfAborted();
      if (error instanceof Refused && error.status === 404) return 'it does not have it';
      if (!(error instanceof Failure)) throw error;
      // A server that was silent for all of its time would be silent again.
      const isWorthIt = error.code === 'CUT' || (isWorthRetrying(error) && !/TIMEOUT/.test(error.code));
      if (tries === TRIES || !isWorthIt) return describeError(error);
      place.how.say(`${describeError(error)}; trying again`);
    }
  }
}

async function keep(url: URL, buildId: string, { folder, path, settings, how }: Place) {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const partial = `${path}.${randomUUID()}`;
  const file: FileHandle = await open(partial, 'wx', 0o600);
  try {
    const { timeoutSeconds } = settings;
    await download(
      {
        url,
        headers: { 'user-agent': PROGRAM },
        timeouts: {
          connectSeconds: Math.min(timeoutSeconds, MOST_CONNECT_SECONDS),
          idleSeconds: timeoutSeconds,
        },
        signal: how.signal,
        onReceived: (done, total) => how.onProgress(done, total ?? done),
      },
      file,
    );
    const why = whyNot(elfFacts(partial), buildId);
    if (why !== undefined) return `what it sent is not the debug symbols: ${why}`;
    await file.chmod(READ_ONLY);
    // After a power cut the name must not stand for an empty file.
    await file.sync();
    await rename(partial, path);
    return undefined;
  } finally {
    await file.close();
    await rm(partial, { force: true });
  }
}
