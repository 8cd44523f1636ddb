/** An upload to its end: attempts with patience between them, redirects, and going on where the server lets us. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../../capture/errors.ts';
import { type Destination, destinationOf } from '../cli/destination.ts';
import type { Content } from './content.ts';
import { Refused, UploadError } from './errors.ts';
import { contentHeaders, type Headers } from './headers.ts';
import type { Transport } from './line.ts';
import { type Answer, sendRequest } from './request.ts';
import { delaySeconds, isWorthRetrying } from './retry.ts';
import { askSession, rangeHeaders, startSession } from './session.ts';

export interface Upload extends Transport {
  readonly destination: Destination;
  readonly method: 'PUT' | 'POST';
  /** The user's own; sent to that server and no other. */
  readonly headers: Headers;
  readonly content: Content;
  /** Failures in a row until it is given up. Of a resumed upload those count that brought it no further. */
  readonly tries: number;
  /** A URL as messages may have it. */
  readonly show: (url: URL) => string;
  readonly say: (line: string) => void;
  readonly onProgress: (done: number, total: number) => void;
}

/** Where we are. */
interface Place {
  readonly destination: Destination;
  readonly headers: Headers;
  /** What the server has already. */
  readonly startBytes: number;
  readonly redirects: number;
}

const MOST_REDIRECTS = 5;

/** @throws UploadError when it was refused or the tries are over; the signal's reason. */
export async function upload(job: Upload): Promise<void> {
  let place: Place = { destination: job.destination, headers: job.headers, startBytes: 0, redirects: 0 };
  for (let failures = 0; ; ) {
    const before = place.startBytes;
    try {
      const ready = await arrive(job, place);
      if (!ready) return;
      place = ready;
      const answer = await send(job, place);
      if (answer.status >= 200 && answer.status < 300) return;
      place = redirected(job, place, answer);
    } catch (error) {
      failures = place.startBytes > before ? 1 : failures + 1;
      if (failures >= job.tries || !isWorthRetrying(error)) throw error;
      const asked = error instanceof Refused ? error.retryAfter : undefined;
      const seconds = delaySeconds(failures, asked, Date.now(), Math.random);
      job.say(`${describeError(error)}; trying again in ${Math.ceil(seconds)} s`);
      await sleep(seconds * 1000, undefined, { signal: job.signal });
    }
  }
}

/** A session is begun, or asked for what it has. Undefined when it has everything. */
async function arrive(job: Upload, place: Place): Promise<Place | undefined> {
  const { url, kind } = place.destination;
  if (kind === 'plain') return place;
  if (kind === 'session-start') {
    const session = await startSession(url, place.headers, job);
    // The session's URL is its own authority.
    return { ...place, destination: destinationOf(session), headers: {} };
  }
  const startBytes = await askSession(url, job.content.sizeBytes, job);
  return startBytes === undefined ? undefined : { ...place, startBytes };
}

async function send(job: Upload, { destination, headers, startBytes }: Place): Promise<Answer> {
  const { content, onProgress } = job;
  let sentBytes = startBytes;
  return sendRequest(
    {
      url: destination.url,
      method: destination.kind === 'session' ? 'PUT' : job.method,
      headers: {
        ...contentHeaders(content, destination),
        ...rangeHeaders(startBytes, content.sizeBytes),
        ...headers,
      },
      body: { content, start: startBytes },
      onSent(bytes) {
        sentBytes += bytes;
        onProgress(sentBytes, content.sizeBytes);
      },
    },
    job,
  );
}

/** Where the server sends us with method and content unchanged (RFC 9110, 15.4.8). @throws Refused for any other answer. */
function redirected({ show }: Upload, place: Place, { status, header, words }: Answer): Place {
  const { destination, redirects } = place;
  const { url, kind } = destination;
  if (kind === 'session' && status === 308) {
    throw new UploadError('NOT_ALL_KEPT', {
      action: 'end the upload',
      actual: 'the session has not got all of it',
    });
  }
  const location = header('location');
  const target = location && URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  if ((status !== 307 && status !== 308) || !target) {
    const where = target && status < 400 ? `to ${show(target)} ${words}`.trim() : words;
    throw new Refused(`upload to ${show(url)}`, status, where, header('retry-after'));
  }
  const refuse = (actual: string) =>
    new UploadError('BAD_REDIRECT', { action: `follow ${show(url)} to ${show(target)}`, actual });
  if (redirects === MOST_REDIRECTS) throw refuse(`these were ${MOST_REDIRECTS} redirects already`);
  if (url.protocol === 'https:' && target.protocol !== 'https:') throw refuse('it leads out of https');
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refuse('it leads out of the web');
  return {
    ...place,
    destination: destinationOf(target),
    headers: target.origin === url.origin ? place.headers : {},
    redirects: redirects + 1,
  };
}
