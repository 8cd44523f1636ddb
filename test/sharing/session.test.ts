/** Resumed uploads, with a stand-in for Google Cloud Storage: the real one cannot be reached from here. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDestination, shown } from '../../scripts/lib/cli/destination.ts';
import { type Content, fileContent } from '../../scripts/lib/upload/content.ts';
import { upload } from '../../scripts/lib/upload/upload.ts';
import { type SessionServer, startSessionServer } from '../support/session-server.ts';
import { type BadLine, openBadLine } from '../support/tcp-proxy.ts';

const BYTES = 6 << 20;
const bytes = randomBytes(BYTES);
let dir: string;
let content: Content;
let server: SessionServer;
let line: BadLine;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-session-'));
  writeFileSync(join(dir, 'vmcore'), bytes);
  content = await fileContent(join(dir, 'vmcore'), new AbortController().signal, () => {});
  server = await startSessionServer();
});
afterEach(async () => {
  await line.close();
  await server.close();
  await content.close();
  rmSync(dir, { recursive: true });
});

async function send(path: string, tries: number): Promise<string[]> {
  const said: string[] = [];
  await upload({
    destination: readDestination(`http://127.0.0.1:${line.port}${path}`, 'vmcore'),
    method: 'PUT',
    headers: {},
    content,
    tries,
    timeouts: { connectSeconds: 5, idleSeconds: 5 },
    signal: new AbortController().signal,
    say: text => said.push(text),
    show: shown,
    onProgress: () => {},
  });
  return said;
}

test('stand-in server: a session that is cut goes on where it was, and failures that got further do not add up', async () => {
  line = await openBadLine(server.port, n => (n % 2 === 1 && n < 6 ? { cutAfter: 2 << 20 } : {}));
  const said = await send('/session?upload_id=geheim', 2);
  expect(server.object()?.equals(bytes)).toBe(true);
  expect(said.length).toBe(3);
  expect(said.join()).not.toContain('geheim');
  expect(server.requests.filter(text => text === `PUT bytes */${BYTES}`)).toHaveLength(4);
  expect(server.requests.at(-1)).toMatch(new RegExp(`^PUT bytes [1-9]\\d+-${BYTES - 1}/${BYTES}$`));
});

test('stand-in server: a signed URL begins the session', async () => {
  line = await openBadLine(server.port, () => ({}));
  await send('/object?X-Goog-SignedHeaders=host%3Bx-goog-resumable&X-Goog-Signature=geheim', 1);
  expect(server.object()?.equals(bytes)).toBe(true);
  expect(server.requests[0]).toBe('POST 0 bytes');
});

test('stand-in server: a session that has everything is sent nothing', async () => {
  line = await openBadLine(server.port, () => ({}));
  await send('/session?upload_id=geheim', 1);
  const before = server.requests.length;
  await send('/session?upload_id=geheim', 1);
  expect(server.requests.slice(before)).toEqual([`PUT bytes */${BYTES}`]);
});
