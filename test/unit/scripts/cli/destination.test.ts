import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPrivate, readDestination, shown } from '../../../../scripts/lib/cli/destination.ts';

test.each([
  ['https://h/folder/', 'https://h/folder/a-vmcore'],
  ['https://h/', 'https://h/a-vmcore'],
  ['https://h', 'https://h/a-vmcore'],
  ['https://h/folder/?sig=1', 'https://h/folder/a-vmcore?sig=1'],
  ['https://h/object', 'https://h/object'],
  ['https://h/object#part', 'https://h/object'],
])('%s is %s', (given, url) => {
  expect(readDestination(given, 'a-vmcore').url.href).toBe(url);
});

test.each([
  ['https://h/o?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=s', 'plain', true],
  ['https://h/o?AWSAccessKeyId=a&Signature=s&Expires=1', 'plain', true],
  ['https://h/o?X-Goog-SignedHeaders=host&X-Goog-Signature=s', 'plain', true],
  ['https://h/o?X-Goog-SignedHeaders=host%3Bx-goog-resumable&X-Goog-Signature=s', 'session-start', true],
  ['https://h/o?uploadType=resumable&upload_id=s', 'session', false],
  ['https://h/o?sv=2024&sig=s', 'plain', true],
  ['https://h/o?folder=1', 'plain', false],
  ['https://h/o', 'plain', false],
])('%s is %s, signed %s', (given, kind, presigned) => {
  expect(readDestination(given, '')).toMatchObject({ kind, presigned });
});

test.each([
  ['geheim', /^Cannot use the URL: it is not a URL; expected https:/],
  ['ftp://h/geheim', /its scheme is ftp; expected https or http/],
  ['file:///geheim', /its scheme is file/],
  ['https://user:geheim@h/o', /a user or password.*KDUMPLING_UPLOAD_TOKEN/],
  ['https://geheim@h/o', /a user or password/],
])('%s is refused, and not repeated', (given, message) => {
  let said = '';
  try {
    readDestination(given, '');
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toMatch(message);
  expect(said).not.toContain('geheim');
});

test('a file holds the URL', () => {
  const dir = mkdtempSync(join(tmpdir(), 'url-'));
  writeFileSync(join(dir, 'url'), 'https://h/o?sig=1\n');
  expect(readDestination(`@${join(dir, 'url')}`, '').url.href).toBe('https://h/o?sig=1');
  rmSync(dir, { recursive: true });
});

test('a query is never shown', () => {
  expect(shown(new URL('https://h:8443/a/b?X-Amz-Signature=geheim'))).toBe('https://h:8443/a/b?…');
  expect(shown(new URL('https://h/a'))).toBe('https://h/a');
});

test.each([
  ['https://h/', true],
  ['http://h/', false],
  ['http://127.0.0.1/', true],
  ['http://127.0.0.1.example/', false],
  ['http://localhost:8/', true],
  ['http://[::1]/', true],
])('%s keeps a secret: %s', (url, expected) => {
  expect(isPrivate(new URL(url))).toBe(expected);
});
