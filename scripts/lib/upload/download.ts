/** One HTTP GET into a file: bounded in time at each step, interruptible, never out of https, and never half of it. */
import type { FileHandle } from 'node:fs/promises';
import fetch, { type Response } from 'node-fetch';
import { openAgent } from './agent.ts';
import { Refused, UploadError } from './errors.ts';
import type { Headers } from './headers.ts';
import { failed, openWatch, type Transport, type Watch } from './line.ts';

export interface Download extends Transport {
  readonly url: URL;
  readonly headers: Headers;
  /** @param total undefined where the server does not say it. */
  readonly onReceived: (done: number, total: number | undefined) => void;
}

const MOST_REDIRECTS = 5;

/**
 * @param file empty, and open for writing.
 * @throws Refused for an answer other than 200; UploadError when the line fails or ends early; the system's error when the
 * file cannot be written; the signal's reason.
 */
export async function download(job: Download, file: FileHandle): Promise<void> {
  const watch = openWatch(job, `download from ${job.url.origin}`);
  let unwritable: unknown;
  let isAnswered = false;
  try {
    const response = await get(job, watch);
    const total = lengthOf(response);
    isAnswered = true;
    let done = 0;
    for await (const chunk of response.body ?? []) {
      watch.moved();
      await file.appendFile(chunk as Buffer).catch(error => {
        unwritable = error;
        throw error;
      });
      done += chunk.length;
      job.onReceived(done, total);
    }
    if (total !== undefined && done !== total) throw cut(job.url, `it ended after ${done} of ${total} bytes`);
  } catch (error) {
    job.signal.throwIfAborted();
    if (unwritable || error instanceof UploadError) throw error;
    const broken = isAnswered ? cut(job.url, 'the connection broke before the end') : failed(job.url, error);
    throw watch.expired() ?? broken;
  } finally {
    watch.close();
  }
}

async function get(job: Download, watch: Watch): Promise<Response> {
  let { url } = job;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url.href, {
      headers: url.origin === job.url.origin ? job.headers : {},
      redirect: 'manual',
      agent: openAgent(url, { ca: job.ca, onConnected: watch.moved }),
      signal: watch.signal,
      compress: false,
    });
    watch.moved();
    if (response.status === 200) return response;
    response.body?.on('error', () => {});
    (response.body as NodeJS.ReadableStream & { destroy?(): void })?.destroy?.();
    const location = response.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
    if (!isRedirect || location === null || !URL.canParse(location, url.href))
      throw new Refused(`download from ${url.origin}`, response.status, '');
    url = redirected(url, new URL(location, url), redirects);
  }
}

function redirected(from: URL, to: URL, redirects: number): URL {
  const refuse = (actual: string) =>
    new UploadError('BAD_REDIRECT', { action: `follow ${from.origin} to ${to.origin}`, actual });
  if (redirects === MOST_REDIRECTS) throw refuse(`these were ${MOST_REDIRECTS} redirects already`);
  if (from.protocol === 'https:' && to.protocol !== 'https:') throw refuse('it leads out of https');
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse('it leads out of the web');
  return to;
}

function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
}

function cut({ origin }: URL, actual: string): UploadError {
  return new UploadError('CUT', { action: `download from ${origin}`, actual });
}
