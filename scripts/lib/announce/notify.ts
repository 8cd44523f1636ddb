/** Posts a crash report to the config's notify_url. */

import { type Destination, readDestination } from '../cli/destination.ts';
import type { CrashReport } from '../report/crash-report.ts';
import { textContent } from '../upload/content.ts';
import { TOKEN_VARIABLE, userHeaders } from '../upload/headers.ts';
import { hiveName, tableRow } from '../upload/hive-name.ts';
import { upload } from '../upload/upload.ts';

/** At a boot, when the network may be coming up. */
const TRIES = 5;

/** @throws UploadError, UsageError */
export async function notify(url: string, report: CrashReport, signal: AbortSignal): Promise<void> {
  const destination = readDestination(url, `${report.id}.json`, hiveName(report));
  await upload({
    destination,
    method: destination.isTable ? 'PUT' : 'POST',
    headers: userHeaders({}, process.env[TOKEN_VARIABLE], destination),
    content: textContent(bodyOf(report, destination), 'application/json'),
    tries: TRIES,
    timeouts: { connectSeconds: 20, idleSeconds: 60 },
    signal,
    say: console.error,
    // A hook's path is often its key.
    show: url => `${url.origin}/…`,
    onProgress: () => {},
  });
}

function bodyOf(report: CrashReport, { isTable }: Destination): string {
  if (isTable) return tableRow(report);
  // `text` is what the hooks of Slack, Mattermost and others show.
  return JSON.stringify({ text: `${report.summary} [${report.signature}]`, ...report });
}
