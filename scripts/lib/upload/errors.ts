/** What goes wrong in an upload. `code`: the system's (ECONNRESET, CERT_HAS_EXPIRED), or one of ours. */
import { Failure } from '../../../capture/errors.ts';
import { wantedFor } from './refusals.ts';

export class UploadError extends Failure {}

/** The server answered, and not with yes. */
export class Refused extends UploadError {
  readonly status: number;
  /** The value of Retry-After. */
  readonly retryAfter?: string;

  /** @param words the server's own. */
  constructor(action: string, status: number, words: string, retryAfter?: string) {
    const actual = `the server answers ${status}${words === '' ? '' : ` (${words})`}`;
    super('REFUSED', { action, actual, wanted: wantedFor(status) });
    this.status = status;
    this.retryAfter = retryAfter;
  }
}
