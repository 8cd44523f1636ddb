/**
 * `kdumpling report --html`: one page that needs nothing else, neither network nor script. Its policy allows no more than its own
 * style, so even markup that got past the escaping could not run or load anything.
 */
import { createHash } from 'node:crypto';
import type { Autopsy } from '../../../../capture/autopsy/summary/autopsy.ts';
import { PROGRAM } from '../../../../capture/version.ts';
import type { CrashReport } from '../crash-report.ts';
import { cpuSection } from './cpus.ts';
import { crashSection } from './crash.ts';
import { head } from './head.ts';
import { logSection } from './log.ts';
import { html } from './markup.ts';
import { memorySection } from './memory.ts';
import { moduleSection } from './modules.ts';
import { missingParts, nextSection } from './next.ts';
import { section } from './section.ts';
import { STYLE } from './style.ts';
import { taskSection } from './tasks.ts';
import { waitSection } from './waits.ts';

export function htmlPage(report: CrashReport, autopsy: Autopsy): string {
  const sections = [
    crashSection(report, autopsy),
    waitSection(autopsy),
    cpuSection(autopsy),
    taskSection(autopsy),
    moduleSection(report, autopsy),
    memorySection(autopsy),
    logSection(report, autopsy),
    nextSection(report),
  ];
  const gaps = missingParts(autopsy);
  const top = html`<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${report.summary}</title>`;
  const body = html`${head(report, autopsy)}
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
<main>
${sections.map(section)}</main>
<footer><p>${PROGRAM}${gaps.length > 0 && html`. Not known: ${gaps.join('; ')}`}</p></footer>`;
  return `<!DOCTYPE html>\n<html lang="en">\n<head>\n${top}\n<style>${STYLE}</style>\n</head>\n<body>\n${body}\n</body>\n</html>\n`;
}

/** The style by its hash: `'unsafe-inline'` would allow those of others. */
function policy(): string {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}
