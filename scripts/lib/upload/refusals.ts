/** What a server's "no" means for who uploads. */

const WANTED: Readonly<Record<number, string>> = {
  301: 'the URL that it names, if you trust it',
  302: 'the URL that it names, if you trust it',
  303: 'the URL that it names, if you trust it',
  400: 'what the server takes: see its answer',
  401: 'a token that it knows: KDUMPLING_UPLOAD_TOKEN or --header-file',
  403: 'the right to write there; a presigned URL is valid for a time and a method, and with the headers that were signed',
  404: 'a URL that exists; WebDAV servers make no folders by themselves',
  405: 'the method that it takes: --method PUT or POST',
  409: 'a folder that exists; WebDAV servers make none by themselves',
  410: 'a new session: this one is over',
  411: 'a server that takes a Content-Length',
  412: 'an object that is not there already',
  413: 'a server that takes so much (nginx: client_max_body_size), or upload --report',
  415: 'the type that it takes, by --header-file',
  422: 'what the server takes: see its answer',
  507: 'space on the server’s disk',
};

export function wantedFor(status: number): string {
  return WANTED[status] ?? (status >= 500 ? 'a server in working order' : 'an answer of 2xx');
}

const ANSWER_CHARS = 200;

/**
 * The server's own words, as one line. Of XML only what S3 and Google mean for people: their errors repeat the signature.
 */
export function describeAnswer(type: string, body: string): string {
  if (/<(\?xml|Error)\b/.test(body)) {
    const part = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? '';
    return oneLine(`${part('Code')} ${part('Message')}`);
  }
  if (type.includes('html')) return oneLine(/<title>([^<]*)<\/title>/i.exec(body)?.[1] ?? '');
  return oneLine(body);
}

function oneLine(text: string): string {
  const line = text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(/\?\S*/g, '?…')
    .trim();
  return line.length > ANSWER_CHARS ? `${line.slice(0, ANSWER_CHARS)}…` : line;
}
