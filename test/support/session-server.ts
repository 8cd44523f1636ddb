/**
 * A stand-in for Google Cloud Storage's resumable uploads, which cannot run here: what its documentation says of
 * 308, Range and Content-Range (cloud.google.com/storage/docs/performing-resumable-uploads), and no more.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** It keeps whole pieces of what came before a cut. */
const PIECE_BYTES = 256 << 10;

export interface SessionServer {
  readonly port: number;
  /** The object, when it is there. */
  object(): Buffer | undefined;
  /** Requests as they came: "PUT bytes 0-99/200". */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function startSessionServer(): Promise<SessionServer> {
  let kept = Buffer.alloc(0);
  let object: Buffer | undefined;
  const requests: string[] = [];

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const range = request.headers['content-range'];
    requests.push(`${request.method} ${range ?? `${request.headers['content-length']} bytes`}`);
    if (request.method === 'POST') {
      const isStart = request.headers['x-goog-resumable'] === 'start';
      response.writeHead(isStart ? 201 : 400, isStart ? { location: '/session?upload_id=geheim' } : {}).end();
      return;
    }
    const [, from, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(range ?? '') ?? [];
    const totalBytes = Number(total ?? request.headers['content-length']);
    const asks = range?.startsWith('bytes */');
    if (!asks) {
      if (Number(from ?? 0) !== kept.length) return void response.writeHead(400).end();
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk);
        kept = Buffer.concat([kept, ...chunks]);
      } catch {
        const all = Buffer.concat([kept, ...chunks]);
        kept = all.subarray(0, all.length - (all.length % PIECE_BYTES));
        return;
      }
    }
    if (kept.length === totalBytes) {
      object = kept;
      response.writeHead(200).end();
    } else response.writeHead(308, kept.length > 0 ? { range: `bytes=0-${kept.length - 1}` } : {}).end();
  }

  const server = createServer((request, response) => void take(request, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    object: () => object,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
