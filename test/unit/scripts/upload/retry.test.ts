import { expect, test } from 'vitest';
import { Refused, UploadError } from '../../../../scripts/lib/upload/errors.ts';
import { describeAnswer } from '../../../../scripts/lib/upload/refusals.ts';
import { delaySeconds, isWorthRetrying } from '../../../../scripts/lib/upload/retry.ts';
import { bytesKept, rangeHeaders } from '../../../../scripts/lib/upload/session.ts';

test.each([
  [408, true],
  [429, true],
  [500, true],
  [502, true],
  [503, true],
  [504, true],
  [400, false],
  [401, false],
  [403, false],
  [404, false],
  [410, false],
  [413, false],
  [501, false],
  [507, false],
])('an answer of %i is worth another try: %s', (status, expected) => {
  expect(isWorthRetrying(new Refused('upload', status, ''))).toBe(expected);
});

test.each([
  ['ECONNRESET', true],
  ['ECONNREFUSED', true],
  ['EPIPE', true],
  ['EAI_AGAIN', true],
  ['IDLE_TIMEOUT', true],
  ['ENOTFOUND', false],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', false],
  ['CERT_HAS_EXPIRED', false],
  ['ERR_TLS_CERT_ALTNAME_INVALID', false],
  ['HPE_INVALID_CONSTANT', false],
])('%s is worth another try: %s', (code, expected) => {
  expect(isWorthRetrying(new UploadError(code, { action: 'x', actual: 'y' }))).toBe(expected);
});

test('a bug of the program is not', () => expect(isWorthRetrying(new TypeError('x'))).toBe(false));

test('pauses double to a minute, each between half and whole', () => {
  const longest = [1, 2, 3, 7, 8, 100].map(failures => delaySeconds(failures, undefined, 0, () => 1));
  expect(longest).toEqual([1, 2, 4, 60, 60, 60]);
  expect(delaySeconds(3, undefined, 0, () => 0)).toBe(2);
});

test.each([
  ['7', 7],
  ['0', 0],
  ['86400', 600],
  ['Thu, 01 Jan 1970 00:01:00 GMT', 50],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['soon', 1],
])('Retry-After: %s waits %d s', (asked, seconds) => {
  expect(delaySeconds(1, asked, 10_000, () => 1)).toBe(seconds);
});

test.each([
  ['bytes=0-0', 1],
  ['bytes=0-262143', 262_144],
  [undefined, 0],
  ['bytes=5-9', 0],
  ['', 0],
])('a session that says %s has %d bytes', (range, bytes) => {
  expect(bytesKept(range)).toBe(bytes);
});

test('what is left is named; all at once needs no name', () => {
  expect(rangeHeaders(0, 10)).toEqual({});
  expect(rangeHeaders(9, 10)).toEqual({ 'content-range': 'bytes 9-9/10' });
});

test.each([
  ['text/plain', 'too  large\n', 'too large'],
  ['application/json', '{"error":"no"}', '{"error":"no"}'],
  ['text/html', '<html><title>413 Too Large</title><p>geheim', '413 Too Large'],
  [
    'application/xml',
    '<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>The signature is wrong.</Message><SignatureProvided>geheim</SignatureProvided></Error>',
    'SignatureDoesNotMatch The signature is wrong.',
  ],
  ['text/plain', 'see https://h/o?sig=geheim now', 'see https://h/o?… now'],
  ['text/plain', '\x1b[2Jx', '[2Jx'],
  ['text/plain', 'x'.repeat(300), `${'x'.repeat(200)}…`],
])('%s %j in one line', (type, body, expected) => {
  expect(describeAnswer(type, body)).toBe(expected);
});
