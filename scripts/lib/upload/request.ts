/** One HTTP request with node-fetch: bounded in time at each step, interruptible, and never in chunked encoding. */
import { Readable } from 'node:stream';
import fetch from 'node-fetch';
import { openAgent } from './agent.ts';
import type { Content } from './content.ts';
import type { Headers } from './headers.ts';
import { failed, openWatch, type Transport } from './line.ts';
import { describeAnswer } from './refusals.ts';

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
  const watch = openWatch(transport, 'go on with the upload');
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
