/** The end of the kernel log, with the lines of the crash marked. What came long before is folded. */
import type { Autopsy, LogEntry } from '../../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../../capture/errors.ts';
import type { CrashReport } from '../crash-report.ts';
import { html, type Markup } from './markup.ts';
import { partSection, type Section } from './section.ts';

/** Shown before the first line of the crash. */
const LINES_BEFORE = 25;
const PANIC = /^Kernel panic - not syncing/;

export function logSection({ crash: { reason, oops } }: CrashReport, { log }: Autopsy): Section {
  return partSection('log', 'Kernel log', log, ({ lines, earlier }) => {
    const isCrash = ({ text }: LogEntry) => PANIC.test(text) || (reason !== undefined && text === reason);
    const begin = lines.findIndex(({ text }) => text === oops[0]);
    const first = begin >= 0 ? begin : lines.findIndex(isCrash);
    const from = Math.max(0, first - LINES_BEFORE);
    const before = lines.slice(0, from);
    const shown = lines
      .slice(from)
      .map((line, i) => [
        from + i === first && html`<li class="mark">The crash begins here</li>`,
        lineOf(line, isCrash(line)),
      ]);
    return {
      note: `The last ${counted(lines.length, 'line')}${earlier > 0 ? ` of ${lines.length + earlier}` : ''}; seconds since boot.`,
      body: [
        before.length > 0 &&
          html`<details><summary><span>${counted(before.length, 'earlier line')}</span></summary><ol class="log">${before.map(line => lineOf(line, false))}</ol></details>`,
        html`<ol class="log">${shown}</ol>`,
      ],
    };
  });
}

function lineOf({ seconds, text }: LogEntry, isHit: boolean): Markup {
  return html`<li${isHit && html` class="hit"`}><span>${seconds?.toFixed(6)}</span><span class="t">${text}</span></li>`;
}
