/** The line to a server during one request: how long it may be silent, and what its failures mean. */
import { FetchError } from 'node-fetch';
import { UploadError } from './errors.ts';

export interface Timeouts {
  /** To a connection, certificates and all. */
  readonly connectSeconds: number;
  /** In which no byte moves, and for the answer after the last one. */
  readonly idleSeconds: number;
}

export interface Transport {
  readonly ca?: string;
  readonly timeouts: Timeouts;
  readonly signal: AbortSignal;
}

export interface Watch {
  readonly signal: AbortSignal;
  moved(): void;
  /** The error to report when it was time that ended the request. */
  expired(): UploadError | undefined;
  close(): void;
}

/** @param action that a timeout ends, for its message. */
export function openWatch({ timeouts, signal }: Transport, action: string): Watch {
  const controller = new AbortController();
  let connected = false;
  let expired: UploadError | undefined;
  const expire = () => {
    const [code, actual] = connected
      ? (['IDLE_TIMEOUT', `nothing moved for ${timeouts.idleSeconds} s`] as const)
      : (['CONNECT_TIMEOUT', `no connection within ${timeouts.connectSeconds} s`] as const);
    expired = new UploadError(code, { action, actual });
    controller.abort();
  };
  let timer = setTimeout(expire, timeouts.connectSeconds * 1000);
  const interrupt = () => controller.abort();
  signal.addEventListener('abort', interrupt);
  if (signal.aborted) interrupt();
  return {
    signal: controller.signal,
    moved() {
      connected = true;
      clearTimeout(timer);
      timer = setTimeout(expire, timeouts.idleSeconds * 1000);
    },
    expired: () => expired,
    close() {
      clearTimeout(timer);
      signal.removeEventListener('abort', interrupt);
    },
  };
}

/** node-fetch's message has the whole URL in it, which may be a secret. */
export function failed(url: URL, error: unknown): UploadError {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  const reason = error instanceof FetchError ? message.replace(/^.*?reason: /s, '') : String(message);
  // Node's advice is for who starts Node.
  const actual = reason.replaceAll(url.href, url.origin).replace(/; if the root CA.*$/, '');
  const wanted = certificateAdvice(code ?? '');
  return new UploadError(code ?? 'REQUEST_FAILED', { action: `reach ${url.origin}`, actual, wanted });
}

function certificateAdvice(code: string): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'a certificate for that name';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return 'a valid one (is the clock right?)';
  return /CERT|SIGNATURE|ISSUER/.test(code)
    ? 'a certificate that this machine trusts, or --ca FILE with its authority'
    : undefined;
}
