/** The top of the page: the crash as a headline, as a paragraph, and as facts. */
import { type Autopsy, present, type Wait } from '../../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../../capture/errors.ts';
import { taskText } from '../blocked.ts';
import type { CrashReport } from '../crash-report.ts';
import { duration } from '../duration.ts';
import { waitRows } from '../wait-forest.ts';
import { html, type Markup } from './markup.ts';

export function head(report: CrashReport, autopsy: Autopsy): Markup {
  const { crash, kernel, when, host, id } = report;
  return html`<header class="mast"><b>Crash report</b> <span>${host ?? 'unknown machine'}</span> <span>${kernel.release ?? 'unknown kernel'}</span> <span>${id}</span></header>
<h1>${crash.meaning}${crash.blame !== undefined && html` in <code>${crash.blame}</code>`}</h1>
<p class="lede">${paragraph(report, autopsy)}</p>
<dl class="facts">${facts(report).map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
${when.by !== 'clock' && html`<p class="note">${CLOCKS[when.by]}</p>`}`;
}

const CLOCKS = {
  'unset clock': 'The machine’s clock was not set, so the time of the crash is when the dump was written.',
  file: 'The dump does not say when it crashed; the time is that of its file.',
} as const;

/** Whole sentences: who crashed when, what ran, what the kernel said, what else was wrong, what was saved. */
function paragraph(report: CrashReport, autopsy: Autopsy): Markup {
  const { crash, host, when, saved, others } = report;
  const { task } = crash;
  const blocked = present(autopsy.waits);
  const cpus = present(autopsy.cpus);
  return html`${host ?? 'The machine'} crashed on ${dayOf(when.crashed)}${
    crash.uptimeSeconds !== undefined && ` after ${duration(crash.uptimeSeconds)}`
  }.${
    task &&
    html` ${task.cpu === undefined ? 'The task concerned was' : `CPU ${task.cpu}${cpus ? ` of ${cpus.length}` : ''} ran`} <code>${task.comm}</code> (pid ${task.pid}).`
  }${crash.reason !== undefined && html` The kernel said: <code>${crash.reason.replace(/\.$/, '')}</code>.`}${
    blocked && blocked.length > 0 && ` ${blockedText(blocked)}`
  }${
    others.length > 0 &&
    ` The log has ${counted(others.length, 'other report')}, the first of them “${others[0]!.reason}”.`
  } ${SAVED[saved.state] ?? `The dump is ${saved.state}`}${saved.why !== undefined && `: ${saved.why}`}.`;
}

/** Of a deadlock. */
const MOST_NAMES = 3;

function blockedText(waits: readonly Wait[]): string {
  const stuck = waitRows(waits).filter(({ isStuck }) => isStuck);
  const names = stuck.slice(0, MOST_NAMES).map(({ task }) => taskText(task));
  const rest = stuck.length > names.length ? [`${stuck.length - names.length} more`] : [];
  const listed = [...names, ...rest];
  const last = listed.length > 1 ? ` and ${listed.pop()}` : '';
  const deadlock =
    stuck.length === 0
      ? ''
      : stuck.length === 1
        ? `; ${listed[0]} waits for itself, which is a deadlock`
        : `; ${listed.join(', ')}${last} wait for each other, which is a deadlock`;
  return `${counted(waits.length, 'task')} ${waits.length === 1 ? 'was' : 'were'} blocked${deadlock}.`;
}

const SAVED: Readonly<Record<string, string>> = {
  complete: 'The dump is complete',
  incomplete: 'The dump is incomplete',
  missing: 'There is no dump',
  damaged: 'The dump is damaged',
  skipped: 'No dump was made, on purpose',
};

function facts({
  kernel,
  signature,
  when,
  saved,
  crash,
}: CrashReport): [label: string, value: string | Markup][] {
  const pages =
    saved.pagesDumped === undefined
      ? undefined
      : `${saved.pagesDumped} of ${saved.pagesTotal} pages, level ${saved.dumpLevel}, ${saved.codec}`;
  const rows: [string, string | undefined, 'mono'?][] = [
    ['Signature', signature, 'mono'],
    ['Kernel', kernel.release, 'mono'],
    ['Version', kernel.version],
    ['Build id', kernel.buildId, 'mono'],
    ['Hardware', crash.hardware],
    ['Booted', when.booted],
    ['Saved in', saved.directory, 'mono'],
    ['Dump', pages],
  ];
  return rows.flatMap(([label, value, mono]): [string, string | Markup][] =>
    value === undefined ? [] : [[label, mono ? html`<span class="mono">${value}</span>` : value]],
  );
}

/** `2026-11-28T13:02:17Z` -> `28 November 2026 at 13:02:17 UTC`; anything else as it is. */
function dayOf(time: string): string {
  const match = /^(\d+)-(\d\d)-(\d\d)T([\d:]{8})Z$/.exec(time);
  const month = match && MONTHS[Number(match[2]) - 1];
  return match && month ? `${Number(match[3])} ${month} ${match[1]} at ${match[4]} UTC` : time;
}

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
