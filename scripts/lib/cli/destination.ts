/** Where an upload goes, and how messages name that place without the secrets in its URL. */
import { readFileSync } from 'node:fs';
import { UsageError } from './command.ts';

export interface Destination {
  readonly url: URL;
  /** `plain`: one request carries everything. The others: a session of Google Cloud Storage, to be started or resumed. */
  readonly kind: 'plain' | 'session-start' | 'session';
  /** Signed for this one request: a further header can make the signature invalid. */
  readonly presigned: boolean;
  /** Its name is that of a report in a table. */
  readonly isTable?: true;
}

/**
 * @param given a URL, or `@FILE` whose file holds it: other users can see the arguments of a command
 * @param name of the object, for a URL that ends in `/`.
 * @param hive segments of a path for a URL with `{hive}` in its own; undefined where the content is no report in JSON.
 * @throws UsageError
 */
export function readDestination(given: string, name: string, hive?: readonly string[]): Destination {
  const url = checkUrl(given.startsWith('@') ? readFileSync(given.slice(1), 'utf8').trim() : given);
  if (isHive(url)) {
    if (hive === undefined)
      throw new UsageError('NO_HIVE_NAME', {
        action: 'use a URL with {hive}',
        actual: 'it names reports in JSON',
        toDo: 'add --report --json',
      });
    url.pathname = url.pathname.replaceAll(HIVE_PATTERN, hive.map(encodeSegment).join('/'));
    return { ...destinationOf(url), isTable: true };
  }
  if (url.pathname.endsWith('/')) url.pathname += encodeURIComponent(name);
  return destinationOf(url);
}

/** `{hive}`, as a URL's path has it. */
const HIVE_PATTERN = /%7Bhive%7D|\{hive\}/gi;

function isHive({ pathname }: URL): boolean {
  return pathname.search(HIVE_PATTERN) >= 0;
}

/** A store decodes it once: an escaped character of the name stays escaped in it. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3D', '=');
}

/** @throws UsageError, which does not repeat the URL: it may be a secret. */
export function checkUrl(text: string): URL {
  const refuse = (actual: string, wanted: string) =>
    new UsageError('BAD_URL', { action: 'use the URL', actual, wanted });
  if (!URL.canParse(text)) throw refuse('it is not a URL', 'https://HOST/PATH, or @FILE whose file holds it');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw refuse(`its scheme is ${url.protocol.slice(0, -1)}`, 'https or http');
  if (url.username !== '' || url.password !== '') {
    throw refuse(
      'it contains a user or password, which other users of this machine can see',
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
  // The old and the present schemes of S3 and Google, and that of Azure.
  const presigned = has('X-Amz-Signature', 'X-Goog-Signature', 'Signature', 'sig');
  return { url, kind: 'plain', presigned };
}

/** A URL without its query, which may hold a signature. */
export function shown({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

/** Whether nobody can listen: HTTPS, or this machine itself. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
