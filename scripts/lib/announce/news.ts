/**
 * What the boot after a crash says: each crash is reported into the journal once, and posted to notify_url until that
 * has worked. Which were is kept in a file; it names dumps that are there, so it does not grow.
 */
import { type Autopsy, isMissing } from '../../../capture/autopsy/summary/autopsy.ts';
import { fitted } from '../../../capture/autopsy/summary/fit.ts';
import { describeError, Failure } from '../../../capture/errors.ts';
import { printable } from '../../../capture/text.ts';
import { EXIT } from '../cli/command.ts';
import type { Dump, FoundDumps } from '../dumps/dumps.ts';
import type { Host } from '../host/host.ts';
import type { CrashReport } from '../report/crash-report.ts';
import { reportWithAutopsy } from '../report/dump-report.ts';
import { sceneLines } from '../report/scene-lines.ts';
import { reportLines } from '../report/text.ts';

export const NEWS_PATH = '/var/lib/kdumpling/reported.json';

interface News {
  readonly reported: readonly string[];
  /** Not yet posted. */
  readonly unposted: readonly string[];
}

/** What `notify_url` gets. */
export interface PostedReport extends CrashReport {
  /** In the shape of autopsy.json, as much of it as a hook takes. */
  readonly autopsy?: Autopsy;
}

export type Post = (url: string, report: PostedReport, signal: AbortSignal) => Promise<void>;

/** Of the JSON. Hooks refuse large bodies. */
const MOST_AUTOPSY_BYTES = 64 << 10;

/**
 * @param notifyUrl `unknown` where the config cannot be used: what is due stays due.
 * @returns the exit code: 1 when a report could not be posted.
 */
export async function reportNews(
  host: Host,
  { dumps, ignored }: FoundDumps,
  notifyUrl: string | 'unknown' | undefined,
  signal: AbortSignal,
  post: Post = postReport,
): Promise<number> {
  const before = readNews(host);
  const fresh = dumps.filter(({ id }) => !before.reported.includes(id));
  // One that cannot be read is reported once too, and hides no other.
  for (const { id, why } of ignored.filter(one => !before.reported.includes(one.id)))
    console.log(printable(`crash ${id}: ignored: ${why}`));
  for (const dump of fresh) console.log(linesOf(host, dump));
  const due = [...before.unposted, ...fresh.map(({ id }) => id)];
  let unposted = notifyUrl === undefined ? [] : dumps.filter(({ id }) => due.includes(id));
  const save = () =>
    writeNews(host, {
      reported: [...dumps, ...ignored].map(({ id }) => id),
      unposted: unposted.map(({ id }) => id),
    });
  // Before the network, which may take long: said is said.
  save();
  if (notifyUrl === 'unknown') return EXIT.failed;
  let exitCode: number = EXIT.done;
  for (const dump of unposted) {
    try {
      await post(notifyUrl!, postedReport(host, dump), signal);
      console.log(`crash ${dump.id}: posted to notify_url`);
      unposted = unposted.filter(({ id }) => id !== dump.id);
      save();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Failure) && !(error as NodeJS.ErrnoException).syscall) throw error;
      console.error(`crash ${dump.id}: not posted, the next boot tries again: ${describeError(error)}`);
      exitCode = EXIT.failed;
    }
  }
  return exitCode;
}

function linesOf(host: Host, dump: Dump): string {
  try {
    const { report, autopsy } = reportWithAutopsy(host, dump, false);
    return [...reportLines(report), ...sceneLines(report.id, autopsy)].join('\n');
  } catch (error) {
    return printable(`crash ${dump.id}: cannot be reported: ${describeError(error)}`);
  }
}

function postedReport(host: Host, dump: Dump): PostedReport {
  const { report, autopsy } = reportWithAutopsy(host, dump, false);
  if (isMissing(autopsy.crash) && isMissing(autopsy.stacks)) return report;
  // The report has what of the log belongs to the crash.
  const log = { missing: 'it is not sent' };
  const sent = fitted({ ...autopsy, log }, MOST_AUTOPSY_BYTES);
  return { ...report, ...(sent && { autopsy: sent }) };
}

/** Read when there is something to post: it brings an HTTP client with it. */
async function postReport(url: string, report: PostedReport, signal: AbortSignal): Promise<void> {
  const { notify } = await import('./notify.ts');
  return notify(url, report, signal);
}

/** A file that makes no sense counts as none: a crash that is reported twice does no harm. */
function readNews(host: Host): News {
  try {
    const { reported, unposted } = JSON.parse(host.read(NEWS_PATH) ?? '{}') as Partial<News>;
    return { reported: strings(reported), unposted: strings(unposted) };
  } catch {
    return { reported: [], unposted: [] };
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
}

function writeNews(host: Host, news: News): void {
  host.write(NEWS_PATH, `${JSON.stringify(news)}\n`, 0o600);
}
