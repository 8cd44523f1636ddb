/**
 * Resumable sessions of Google Cloud Storage (cloud.google.com/storage/docs/performing-resumable-uploads): the server
 * keeps what came, says how much with 308 and a Range, and takes the rest.
 */
import { Refused } from './errors.ts';
import type { Headers } from './headers.ts';
import type { Transport } from './line.ts';
import { sendRequest } from './request.ts';

/** Begins a session with a URL that was signed for that. Returns the session's own URL, which is as good as a key. */
export async function startSession(url: URL, headers: Headers, transport: Transport): Promise<URL> {
  const start = { ...headers, 'x-goog-resumable': 'start' };
  const { status, header, words } = await sendRequest({ url, method: 'POST', headers: start }, transport);
  const location = header('location');
  if (status === 201 && location && URL.canParse(location, url.href)) return new URL(location, url);
  throw new Refused('begin a resumable upload', status, words, header('retry-after'));
}

/** How many bytes the session has; undefined when it has all and the object is there. */
export async function askSession(
  url: URL,
  totalBytes: number,
  transport: Transport,
): Promise<number | undefined> {
  const headers = { 'content-range': `bytes */${totalBytes}` };
  const { status, header, words } = await sendRequest({ url, method: 'PUT', headers }, transport);
  if (status === 308) return bytesKept(header('range'));
  if (status === 200 || status === 201) return undefined;
  throw new Refused('go on with a resumable upload', status, words, header('retry-after'));
}

/** `bytes=0-N`: both ends are in it. No header: nothing was kept. */
export function bytesKept(range: string | undefined): number {
  const last = /^bytes=0-(\d+)$/.exec(range ?? '')?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}

/** The range of what is sent now. All at once needs none. */
export function rangeHeaders(startBytes: number, totalBytes: number): Headers {
  return startBytes === 0 ? {} : { 'content-range': `bytes ${startBytes}-${totalBytes - 1}/${totalBytes}` };
}
