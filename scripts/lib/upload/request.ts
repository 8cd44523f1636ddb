/** One HTTP request with node-fetch: bounded in time at each step, interruptible, and never in chunked encoding. */
import { Readable } from 'node:stream';
import fetch, { FetchError } from 'node-fetch';
import { openAgent } from './agent.ts';
import type { Content } from './content.ts';
import { UploadError } from './errors.ts';
import type { Headers } from './headers.ts';
import { describeAnswer } from './refusals.ts';

export interface Timeouts {
  /** To a connection, certificates and all. */
  readonly connectSeconds: number;
  /** In which no byte moves, and for the answer after the last one. */
  readonly idleSeconds: number;
}

export interface Transport {
  readonly ca?: string;
  readonly timeouts: Timeouts;
  readonly signal: AbortSignal;
}

export interface UploadRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  /** The content from this byte on; nothing is sent without it. */
  readonly body?: { readonly content: Content; readonly start: number };
  readonly onSent?: (bytes: number) => void;
}

export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** The server's own words, as one line. */
  readonly words: string;
}

const ANSWER_BYTES = 64 << 10;

/** @throws UploadError whose code is the system's (ECONNRESET, CERT_HAS_EXPIRED), or CONNECT_TIMEOUT, IDLE_TIMEOUT. */
export async function sendRequest(request: UploadRequest, transport: Transport): Promise<Answer> {
  const watch = openWatch(transport);
  const { body, url, method } = request;
  let unreadable: unknown;
  /** The content as it is taken, which is as fast as the line takes it. */
  async function* taken({ content, start }: NonNullable<UploadRequest['body']>): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of content.read(start)) {
        yield chunk;
        watch.moved();
        request.onSent?.(chunk.length);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === 'read') unreadable = error;
      throw error;
    }
  }
  try {
    const agent = openAgent(url, { ca: transport.ca, onConnected: watch.moved });
    const response = await fetch(url.href, {
      method,
      headers: {
        ...request.headers,
        'content-length': String(body ? body.content.sizeBytes - body.start : 0),
      },
      body: body ? Readable.from(taken(body), { objectMode: false }) : null,
      redirect: 'manual',
      agent,
      signal: watch.signal,
      compress: false,
    });
    watch.moved();
    const words = describeAnswer(response.headers.get('content-type') ?? '', await readStart(response.body));
    return { status: response.status, header: name => response.headers.get(name) ?? undefined, words };
  } catch (error) {
    transport.signal.throwIfAborted();
    throw unreadable ?? watch.expired() ?? failed(url, error);
  } finally {
    watch.close();
  }
}

interface Watch {
  readonly signal: AbortSignal;
  moved(): void;
  /** The error to report when it was time that ended the request. */
  expired(): UploadError | undefined;
  close(): void;
}

function openWatch({ timeouts, signal }: Transport): Watch {
  const controller = new AbortController();
  let connected = false;
  let expired: UploadError | undefined;
  const expire = () => {
    const [code, actual] = connected
      ? (['IDLE_TIMEOUT', `nothing moved for ${timeouts.idleSeconds} s`] as const)
      : (['CONNECT_TIMEOUT', `no connection within ${timeouts.connectSeconds} s`] as const);
    expired = new UploadError(code, { action: 'go on with the upload', actual });
    controller.abort();
  };
  let timer = setTimeout(expire, timeouts.connectSeconds * 1000);
  const interrupt = () => controller.abort();
  signal.addEventListener('abort', interrupt);
  if (signal.aborted) interrupt();
  return {
    signal: controller.signal,
    moved() {
      connected = true;
      clearTimeout(timer);
      timer = setTimeout(expire, timeouts.idleSeconds * 1000);
    },
    expired: () => expired,
    close() {
      clearTimeout(timer);
      signal.removeEventListener('abort', interrupt);
    },
  };
}

/** node-fetch's message has the whole URL in it, which may be a secret. */
function failed(url: URL, error: unknown): UploadError {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  const reason = error instanceof FetchError ? message.replace(/^.*?reason: /s, '') : String(message);
  // Node's advice is for who starts Node.
  const actual = reason.replaceAll(url.href, url.origin).replace(/; if the root CA.*$/, '');
  const wanted = certificateAdvice(code ?? '');
  return new UploadError(code ?? 'REQUEST_FAILED', { action: `reach ${url.origin}`, actual, wanted });
}

function certificateAdvice(code: string): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'wanted: a certificate for that name';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return 'wanted: a valid one (is the clock right?)';
  return /CERT|SIGNATURE|ISSUER/.test(code)
    ? 'wanted: a certificate that this machine trusts, or --ca FILE with its authority'
    : undefined;
}

async function readStart(body: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(Buffer.from(chunk));
    sizeBytes += chunk.length;
    if (sizeBytes > ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
