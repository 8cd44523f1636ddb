/** Which answers and errors are worth another try, and when. */
import { Refused, UploadError } from './errors.ts';

/** The server's trouble, or its wish for patience. Not 507: its disk does not empty itself in a minute. */
const STATUSES = [408, 425, 429, 500, 502, 503, 504];

/** The way to the server, not the server's word. A certificate that is wrong stays wrong. */
const ERROR_CODES = [
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN'],
  ...['ENETUNREACH', 'ENETDOWN', 'EHOSTUNREACH', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_WRITE_AFTER_END'],
  ...['CONNECT_TIMEOUT', 'IDLE_TIMEOUT', 'NOT_ALL_KEPT'],
];

export function isWorthRetrying(error: unknown): boolean {
  if (error instanceof Refused) return STATUSES.includes(error.status);
  return error instanceof UploadError && ERROR_CODES.includes(error.code);
}

const FIRST_DELAY_SECONDS = 1;
const LONGEST_DELAY_SECONDS = 60;
/** A server may ask for more patience than we would have. */
const LONGEST_ASKED_SECONDS = 600;

/**
 * Doubling, with some chance in it: a fleet that lost its server must not come back as one.
 * @param failures in a row, from 1.
 * @param asked the value of Retry-After (RFC 9110, 10.2.3): seconds, or a date.
 */
export function delaySeconds(
  failures: number,
  asked: string | undefined,
  nowMs: number,
  random: () => number,
): number {
  const wanted = asked === undefined ? undefined : readRetryAfter(asked, nowMs);
  if (wanted !== undefined) return Math.min(wanted, LONGEST_ASKED_SECONDS);
  const longest = Math.min(FIRST_DELAY_SECONDS * 2 ** (failures - 1), LONGEST_DELAY_SECONDS);
  return longest / 2 + (random() * longest) / 2;
}

function readRetryAfter(text: string, nowMs: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - nowMs) / 1000);
}
