/** Uploads to a real server, Debian's nginx: what arrives, and what is said of a bad line, a full disk, a wrong certificate. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readDestination, shown } from '../../scripts/lib/cli/destination.ts';
import { type Content, fileContent, textContent } from '../../scripts/lib/upload/content.ts';
import { type Upload, upload } from '../../scripts/lib/upload/upload.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { openBadLine } from '../support/tcp-proxy.ts';

const DUMP_BYTES = 8 << 20;

let nginx: Nginx;
let dir: string;
let dump: Content;
const bytes = randomBytes(DUMP_BYTES);
beforeAll(async () => {
  nginx = await startNginx();
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-upload-'));
  writeFileSync(join(dir, 'vmcore'), bytes);
  dump = await fileContent(join(dir, 'vmcore'), new AbortController().signal, () => {});
});
afterAll(async () => {
  await dump?.close();
  rmSync(dir, { recursive: true });
  await nginx.stop();
});

async function logged(method: string, uri: string) {
  const fits = (request: { method: string; uri: string }) => request.method === method && request.uri === uri;
  return (await nginx.log(fits)).filter(fits).at(-1);
}

interface Sent {
  readonly said: string[];
  /** Bytes done, at each report of progress. */
  readonly progress: number[];
}

/** Uploads the dump, with what is given instead. */
async function send(url: string, changes: Partial<Upload> = {}): Promise<Sent> {
  const sent: Sent = { said: [], progress: [] };
  await upload({
    destination: readDestination(url, 'vmcore'),
    method: 'PUT',
    headers: {},
    content: dump,
    tries: 3,
    timeouts: { connectSeconds: 5, idleSeconds: 5 },
    signal: new AbortController().signal,
    say: line => sent.said.push(line),
    show: shown,
    onProgress: done => sent.progress.push(done),
    ...changes,
  });
  return sent;
}

/** What the server gives back is what the server has. */
async function expectStored(path: string, content: Buffer = bytes): Promise<void> {
  const response = await fetch(`${nginx.http}${path}`);
  expect(response.status).toBe(200);
  const stored = Buffer.from(await response.arrayBuffer());
  expect(stored.equals(content)).toBe(true);
}

describe('a server that takes it', () => {
  test('has every byte; length and digest were announced, nothing was in chunks', async () => {
    const { progress, said } = await send(`${nginx.http}/dav/folder/plain`);
    await expectStored('/dav/folder/plain');
    expect(await logged('PUT', '/dav/folder/plain')).toMatchObject({
      status: '201',
      type: 'application/octet-stream',
      length: String(DUMP_BYTES),
      encoding: '',
      digest: `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
      token: '',
    });
    expect(progress.at(-1)).toBe(DUMP_BYTES);
    expect(progress.length).toBeGreaterThan(4);
    expect(said).toEqual([]);
  });

  test('a URL that ends in / gets the name of the object', async () => {
    await send(`${nginx.http}/dav/named/`);
    await expectStored('/dav/named/vmcore');
  });

  test('a presigned URL gets no header that it was not signed with', async () => {
    await send(`${nginx.http}/dav/signed?X-Amz-Signature=abc`);
    await expectStored('/dav/signed');
    expect(await logged('PUT', '/dav/signed?X-Amz-Signature=abc')).toMatchObject({
      type: '',
      status: '201',
    });
  });

  test('a hook gets a report by POST', async () => {
    const content = textContent('{"summary":"it crashed"}', 'application/json');
    await send(`${nginx.http}/hook/x`, { content, method: 'POST' });
    expect(await logged('POST', '/hook/x')).toMatchObject({
      method: 'POST',
      type: 'application/json',
      body: '{"summary":"it crashed"}',
    });
  });

  test('no bytes at all', async () => {
    await send(`${nginx.http}/dav/empty`, { content: textContent('', 'text/plain') });
    await expectStored('/dav/empty', Buffer.alloc(0));
  });

  test('by TLS, with the authority that is given', async () => {
    await send(`${nginx.https}/dav/tls`, { ca: readFileSync(nginx.caFile, 'utf8') });
    await expectStored('/dav/tls');
  });

  test('through the proxy of the environment, which sees no more than where to', async () => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, client) => {
      asked.push(request.url!);
      const [host, port] = request.url!.split(':');
      const server = connect(Number(port), host, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
      server.pipe(client).pipe(server);
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('https_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv('no_proxy', '');
    try {
      await send(`${nginx.https}/dav/proxied`, { ca: readFileSync(nginx.caFile, 'utf8') });
    } finally {
      vi.unstubAllEnvs();
      proxy.close();
    }
    expect(asked).toEqual([new URL(nginx.https).host]);
    await expectStored('/dav/proxied');
  });

  test('where the server sends us, with the same method and all bytes', async () => {
    await send(`${nginx.http}/moved/x`);
    await expectStored('/dav/moved');
  });

  test('a token is sent, and is asked for by name when it is not', async () => {
    const small = textContent('x', 'text/plain');
    await send(`${nginx.http}/private/x`, { content: small, headers: { authorization: 'Bearer letmein' } });
    await expect(send(`${nginx.http}/private/x`, { content: small })).rejects.toThrow(
      /the server answers 401 .*expected a token.*KDUMPLING_UPLOAD_TOKEN/,
    );
  });
});

describe('a line or a server that is bad for a while', () => {
  test('cut in the middle: said, and sent again', async () => {
    const line = await openBadLine(nginx.httpPort, n => (n === 0 ? { cutAfter: DUMP_BYTES / 2 } : {}));
    const { said } = await send(`http://127.0.0.1:${line.port}/dav/cut`);
    await line.close();
    expect(said).toEqual([
      expect.stringMatching(/^Cannot reach http:.*(ECONNRESET|EPIPE|hang up).*; trying again in 1 s$/),
    ]);
    await expectStored('/dav/cut');
  });

  test('cut at every attempt: the last reason, after as many tries as were allowed', async () => {
    const line = await openBadLine(nginx.httpPort, () => ({ cutAfter: 100_000 }));
    await expect(
      send(`http://127.0.0.1:${line.port}/dav/never?Signature=geheim`, { tries: 2 }),
    ).rejects.toThrow(/^Cannot reach http:\/\/127\.0\.0\.1:\d+: (?!.*geheim)/);
    expect(line.connections()).toBe(2);
    await line.close();
  });

  test('503 with Retry-After, then 201', async () => {
    writeFileSync(nginx.flakyFlag, '');
    const { said } = await send(`${nginx.http}/flaky/x`, {
      content: textContent('x', 'text/plain'),
      say: () => rmSync(nginx.flakyFlag, { force: true }),
    });
    expect(said).toEqual([]);
    await expectStored('/flaky/x', Buffer.from('x'));
    const requests = await nginx.log(({ method, uri }) => method === 'GET' && uri === '/flaky/x');
    const statuses = requests.filter(({ uri }) => uri === '/flaky/x').map(({ status }) => status);
    expect(statuses).toEqual(['503', '201', '200']);
  });

  test('a line that stalls is left, and another one taken', async () => {
    const line = await openBadLine(nginx.httpPort, n => (n === 0 ? { stallAfter: 1 << 20 } : {}));
    const { said } = await send(`http://127.0.0.1:${line.port}/dav/stall`, {
      timeouts: { connectSeconds: 5, idleSeconds: 1 },
    });
    await line.close();
    expect(said).toEqual([expect.stringContaining('nothing moved for 1 s')]);
    await expectStored('/dav/stall');
  });

  test('a slow line is no stalled one', async () => {
    const line = await openBadLine(nginx.httpPort, () => ({ bytesPerSecond: 12 << 20 }));
    // More than the kernels on the way hold, and more than goes through in the idle time.
    const idleSeconds = 3;
    const text = 'slow'.repeat(14 << 20);
    const started = performance.now();
    const { said } = await send(`http://127.0.0.1:${line.port}/dav/slow`, {
      content: textContent(text, 'text/plain'),
      timeouts: { connectSeconds: 5, idleSeconds },
    });
    await line.close();
    expect(said).toEqual([]);
    expect(performance.now() - started).toBeGreaterThan(idleSeconds * 1000);
    await expectStored('/dav/slow', Buffer.from(text));
  });

  test('Ctrl-C in the middle ends it at once', async () => {
    const line = await openBadLine(nginx.httpPort, () => ({ stallAfter: 1 << 20 }));
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    await expect(
      send(`http://127.0.0.1:${line.port}/dav/interrupted`, { signal: controller.signal }),
    ).rejects.toThrow(/abort/i);
    await line.close();
    expect((await fetch(`${nginx.http}/dav/interrupted`)).status).toBe(404);
  });

  test('Ctrl-C in a pause', async () => {
    const controller = new AbortController();
    const job = { signal: controller.signal, say: () => controller.abort() };
    await expect(send('http://127.0.0.1:9/x', job)).rejects.toThrow(/abort/i);
  });
});

describe('a server that does not take it, once and for all', () => {
  const certificates = [
    ['of an authority that nobody trusts', () => nginx.https, undefined, /certificate; expected .*--ca FILE/],
    ['for another name', () => nginx.misnamed, true, /expected a certificate for that name/],
    ['that is over', () => nginx.expired, true, /expired.*is the clock right/],
  ] as const;
  test.each(certificates)('a certificate %s', async (_, origin, trusted, message) => {
    const ca = trusted && readFileSync(nginx.caFile, 'utf8');
    await expect(send(`${origin()}/dav/no`, { ca })).rejects.toThrow(message);
    expect((await nginx.log()).filter(({ uri }) => uri === '/dav/no')).toEqual([]);
  });

  test('413: too large for it', async () => {
    await expect(send(`${nginx.http}/small/x`)).rejects.toThrow(
      /the server answers 413 \(413 Request Entity Too Large\); expected .*client_max_body_size/,
    );
  });

  test('its disk is full: 500, tried again, and said', async () => {
    const said: string[] = [];
    await expect(send(`${nginx.http}/full/x`, { tries: 2, say: line => said.push(line) })).rejects.toThrow(
      /answers 500 .*expected a server in working order/,
    );
    expect(said).toHaveLength(1);
  });

  test.each([
    ['a login page', '/login/x', /answers 302 \(to http:\S+\/dav\/login.*expected the URL that it names/],
    ['a circle', '/round/x', /these were 5 redirects already/],
  ] as const)('%s', async (_, path, message) => {
    const content = textContent('x', 'text/plain');
    await expect(send(`${nginx.http}${path}`, { content })).rejects.toThrow(message);
  });

  test('a method that it does not take', async () => {
    const content = textContent('x', 'text/plain');
    await send(`${nginx.http}/dav/method`, { content });
    await expect(send(`${nginx.http}/dav/method`, { content, method: 'POST' })).rejects.toThrow(
      /answers 405 .*expected .*--method/,
    );
  });

  test('a redirect out of TLS', async () => {
    const ca = readFileSync(nginx.caFile, 'utf8');
    const content = textContent('x', 'text/plain');
    await expect(send(`${nginx.https}/out-of-tls/x`, { ca, content })).rejects.toThrow(
      /it leads out of https/,
    );
  });

  test('nobody there: tried again, since a server can be starting', async () => {
    const said: string[] = [];
    await expect(send('http://127.0.0.1:9/x', { tries: 2, say: line => said.push(line) })).rejects.toThrow(
      /Cannot reach http:\/\/127.0.0.1:9: .*ECONNREFUSED/,
    );
    expect(said).toHaveLength(1);
  });
});
