/** Posts a crash report to the config's notify_url. */

import { readDestination } from '../cli/destination.ts';
import type { CrashReport } from '../report/crash-report.ts';
import { textContent } from '../upload/content.ts';
import { TOKEN_VARIABLE, userHeaders } from '../upload/headers.ts';
import { upload } from '../upload/upload.ts';

/** At a boot, when the network may be coming up. */
const TRIES = 5;

/** @throws UploadError, UsageError */
export async function notify(url: string, report: CrashReport, signal: AbortSignal): Promise<void> {
  const destination = readDestination(url, `${report.id}.json`);
  // `text` is what the hooks of Slack, Mattermost and others show.
  const body = JSON.stringify({ text: `${report.summary} [${report.signature}]`, ...report });
  await upload({
    destination,
    method: 'POST',
    headers: userHeaders({}, process.env[TOKEN_VARIABLE], destination),
    content: textContent(body, 'application/json'),
    tries: TRIES,
    timeouts: { connectSeconds: 20, idleSeconds: 60 },
    signal,
    say: console.error,
    // A hook's path is often its key.
    show: url => `${url.origin}/…`,
    onProgress: () => {},
  });
}
