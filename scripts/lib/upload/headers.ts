/** The headers of an upload: what the user wants said, and what we say of the content. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { UsageError } from '../cli/command.ts';
import { type Destination, isPrivate } from '../cli/destination.ts';
import type { Content } from './content.ts';

export type Headers = Readonly<Record<string, string>>;

/** Theirs is the framing of the request, which is ours. */
const OURS = ['host', 'content-length', 'content-range', 'transfer-encoding', 'connection', 'expect'];

export const TOKEN_VARIABLE = 'KDUMPLING_UPLOAD_TOKEN';

/** Lines `Name: value`; `#` begins a comment line. @throws UsageError that names the line and not its value. */
export function parseHeaderFile(text: string, path: string): Headers {
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, name = '', value = ''] = /^([^:]*):(.*)$/.exec(line.trim()) ?? [];
    const refuse = (actual: string) =>
      new UsageError('BAD_HEADER', {
        action: `use line ${index + 1} of ${path}`,
        actual,
        wanted: 'Name: value',
      });
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value.trim());
    } catch {
      throw refuse('it is no header');
    }
    if (OURS.includes(name.toLowerCase())) throw refuse(`${name} is ours to set`);
    headers[name.toLowerCase()] = value.trim();
  }
  return headers;
}

/** What the user gave by a file and by the environment. @throws UsageError where a secret would be heard on the way. */
export function userHeaders(fromFile: Headers, token: string | undefined, { url }: Destination): Headers {
  const headers = token ? { ...fromFile, authorization: `Bearer ${token}` } : fromFile;
  if (Object.keys(headers).length > 0 && !isPrivate(url)) {
    throw new UsageError('NOT_PRIVATE', {
      action: `send the headers to ${url.origin}`,
      actual: 'http is not encrypted, and they may be secret',
      wanted: 'https',
    });
  }
  return headers;
}

/**
 * Of the content: its type, and its digest (RFC 9530). A presigned URL takes no header that it was not signed with:
 * S3 and Google want x-amz-* and x-goog-* signed, and their old schemes the type too. A digest is none of theirs.
 */
export function contentHeaders({ type, sha256 }: Content, { url, presigned }: Destination): Headers {
  return {
    ...(!presigned && { 'content-type': type }),
    // Azure refuses a blob whose kind is not said; its signatures are not over headers ("Put Blob" in its REST API).
    ...(url.hostname.endsWith('.blob.core.windows.net') && { 'x-ms-blob-type': 'BlockBlob' }),
    'repr-digest': `sha-256=:${sha256}:`,
  };
}
