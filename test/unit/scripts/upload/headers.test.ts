import { expect, test } from 'vitest';
import { readDestination } from '../../../../scripts/lib/cli/destination.ts';
import { textContent } from '../../../../scripts/lib/upload/content.ts';
import { contentHeaders, parseHeaderFile, userHeaders } from '../../../../scripts/lib/upload/headers.ts';

test('a header file', () => {
  const text = '# from the vault\n\nX-Ms-Blob-Type: BlockBlob\n  authorization:Basic a:b  \n';
  expect(parseHeaderFile(text, 'f')).toEqual({
    'x-ms-blob-type': 'BlockBlob',
    authorization: 'Basic a:b',
  });
});

test.each([
  ['geheim', /^Cannot use line 1 of f: it is no header; expected Name: value$/],
  ['a: b\n: geheim', /line 2 of f: it is no header/],
  ['na me: geheim', /it is no header/],
  ['a: geheim\x00', /it is no header/],
  ['Content-Length: 5', /Content-Length is ours to set/],
  ['transfer-encoding: chunked', /ours to set/],
])('%j is refused, and its value not repeated', (text, message) => {
  expect(() => parseHeaderFile(text, 'f')).toThrow(message);
  expect(() => parseHeaderFile(text, 'f')).not.toThrow(/geheim/);
});

test('a token, and no secret without encryption', () => {
  const secure = readDestination('https://h/o', '');
  const open = readDestination('http://h/o', '');
  expect(userHeaders({}, 't', secure)).toEqual({ authorization: 'Bearer t' });
  expect(userHeaders({ a: 'b' }, undefined, secure)).toEqual({ a: 'b' });
  expect(userHeaders({}, undefined, open)).toEqual({});
  expect(userHeaders({}, '', open)).toEqual({});
  expect(() => userHeaders({}, 't', open)).toThrow(/http is not encrypted.*expected https/);
});

test('the digest in the form of RFC 9530; nothing unsigned for a presigned URL but what its signer does not look at', () => {
  // The example of RFC 9530, appendix A: {"hello": "world"} and a newline.
  const content = textContent('{"hello": "world"}\n', 'application/json');
  const digest = { 'repr-digest': 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:' };
  expect(contentHeaders(content, readDestination('https://h/o', ''))).toEqual({
    ...digest,
    'content-type': 'application/json',
  });
  expect(contentHeaders(content, readDestination('https://h/o?X-Amz-Signature=s', ''))).toEqual(digest);
});

test('a blob of Azure says its kind, signed or not', () => {
  const content = textContent('x', 'text/plain');
  for (const url of ['https://a.blob.core.windows.net/c/o?sv=1&sig=s', 'https://a.blob.core.windows.net/c/o'])
    expect(contentHeaders(content, readDestination(url, ''))).toMatchObject({
      'x-ms-blob-type': 'BlockBlob',
    });
});
