/** Where an upload goes, and how that place is named in messages: what gives access to it is in its URL, and stays there. */
import { readFileSync } from 'node:fs';
import { UsageError } from './command.ts';

export interface Destination {
  readonly url: URL;
  /** `plain`: one request carries all. The others: a session of Google Cloud Storage, to be begun or under way. */
  readonly kind: 'plain' | 'session-start' | 'session';
  /** Signed for this one request: a header that was not signed can make it void. */
  readonly presigned: boolean;
}

/**
 * @param given a URL, or `@FILE` that holds one, since other users see what a command is called with.
 * @param name of the object, for a URL that ends in `/`.
 * @throws UsageError
 */
export function readDestination(given: string, name: string): Destination {
  const url = checkUrl(given.startsWith('@') ? readFileSync(given.slice(1), 'utf8').trim() : given);
  if (url.pathname.endsWith('/')) url.pathname += encodeURIComponent(name);
  return destinationOf(url);
}

/** @throws UsageError, which does not repeat the URL: it may be a secret. */
export function checkUrl(text: string): URL {
  const refuse = (actual: string, wanted: string) =>
    new UsageError('BAD_URL', { action: 'use that URL', actual, wanted });
  if (!URL.canParse(text)) throw refuse('it is none', 'https://HOST/PATH, or @FILE that holds it');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw refuse(`its scheme is ${url.protocol.slice(0, -1)}`, 'https or http');
  if (url.username !== '' || url.password !== '') {
    throw refuse(
      'it has a user or password in it, which other users of this machine can see',
      'a header from --header-file, or KDUMPLING_UPLOAD_TOKEN in the environment',
    );
  }
  url.hash = '';
  return url;
}

export function destinationOf(url: URL): Destination {
  const { searchParams } = url;
  const has = (...names: string[]) => names.some(name => searchParams.has(name));
  if (has('upload_id')) return { url, kind: 'session', presigned: false };
  const signedHeaders = searchParams.get('X-Goog-SignedHeaders')?.split(';') ?? [];
  if (signedHeaders.includes('x-goog-resumable')) return { url, kind: 'session-start', presigned: true };
  // Of S3 and Google, their first and their present schemes; of Azure.
  const presigned = has('X-Amz-Signature', 'X-Goog-Signature', 'Signature', 'sig');
  return { url, kind: 'plain', presigned };
}

/** A URL as it may be shown: a query can be a signature. */
export function shown({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

/** Loopback: what is said there, nobody hears. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
