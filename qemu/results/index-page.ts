/** The page of all runs: a grid of verdicts for each axis, and where the time went. */
import { counted } from '../../capture/errors.ts';
import { type Segment, segmentsOf } from '../run/segments.ts';
import { barHtml } from './bar-html.ts';
import { type Grid, gridsOf } from './grid.ts';
import { escapeHtml, page } from './html.ts';
import { type Run, VERDICTS } from './runs.ts';

export function indexPage(runs: readonly Run[]): string {
  const counts = VERDICTS.map(verdict => ({
    verdict,
    count: runs.filter(run => run.verdict === verdict).length,
  }));
  const summary = counts
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `<span class="badge ${verdict}">${count} ${verdict}</span>`);
  const grids = gridsOf(runs);
  const body = [
    '<h1>Crashes in the lab</h1>',
    `<p>${counted(runs.length, 'run')}: ${summary.join(' ')}. A cell is the newest run of its crash; click it for what was expected and seen, the report and the serial log.</p>`,
    brokenHtml(grids),
    ...grids.map(gridHtml),
    '<h2>From the panic to the machine’s return</h2>',
    timesHtml(runs),
  ];
  return page('Crashes in the lab', body.join('\n'));
}

/** The newest runs that did not pass, with the reason: what a person came for. */
function brokenHtml(grids: readonly Grid[]): string {
  const newest = grids.flatMap(({ rows }) =>
    rows.flatMap(({ value, runs }) => runs.flatMap(run => (run ? [{ value, run }] : []))),
  );
  const rows = newest
    .filter(({ run }) => run.verdict === 'failed' || run.verdict === 'lost')
    .map(({ value, run }) => {
      const crash = `${escapeHtml(value)}<br><small>${escapeHtml(run.kernel.release)}</small>`;
      return `<tr><td>${linkHtml(run, 'badge ')}</td><td>${crash}</td><td class="why">${whyHtml(run)}</td></tr>`;
    });
  if (rows.length === 0) return '';
  return [
    '<h2>Not passed</h2>',
    '<table class="broken"><tr><th></th><th>crash</th><th>expected, and what was seen instead</th></tr>',
    ...rows,
    '</table>',
  ].join('\n');
}

function whyHtml({ reason, expectations = [] }: Run): string {
  if (reason !== undefined) return escapeHtml(reason);
  return expectations
    .filter(({ holds }) => !holds)
    .map(({ what, saw }) => `<b>${escapeHtml(what)}</b><br>saw: ${escapeHtml(saw)}`)
    .join('<br>');
}

function gridHtml({ title, kernels, rows }: Grid): string {
  const head = kernels.map(release => `<th>${escapeHtml(release)}</th>`).join('');
  const lines = rows.map(
    ({ value, runs }) => `<tr><td>${escapeHtml(value)}</td>${runs.map(cellHtml).join('')}</tr>`,
  );
  return [
    `<h2>${escapeHtml(title)}</h2>`,
    `<table class="grid"><tr><th></th>${head}</tr>`,
    ...lines,
    '</table>',
  ].join('\n');
}

function cellHtml(run: Run | undefined): string {
  return run ? `<td class="verdict">${linkHtml(run)}</td>` : '<td></td>';
}

/** @param style classes beside the verdict's */
function linkHtml(run: Run, style = ''): string {
  const broken = (run.expectations ?? []).filter(({ holds }) => !holds).map(({ what }) => what);
  const why = escapeHtml(run.reason ?? broken.join('; '));
  return `<a class="${style}${run.verdict}" href="${encodeURIComponent(run.name)}/index.html" title="${why}">${run.verdict}</a>`;
}

function timesHtml(runs: readonly Run[]): string {
  const bars = runs
    .map(run => ({ run, segments: segmentsOf(run.phases) }))
    .filter(({ segments }) => segments.length > 0);
  const longest = Math.max(...bars.map(({ segments }) => totalOf(segments)));
  const rows = bars.map(
    ({ run, segments }) =>
      `<tr><td><a href="${encodeURIComponent(run.name)}/index.html">${escapeHtml(run.name)}</a></td><td>${totalOf(segments).toFixed(1)} s</td><td>${barHtml(segments, longest)}</td></tr>`,
  );
  return ['<table>', ...rows, '</table>'].join('\n');
}

function totalOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { seconds }) => sum + seconds, 0);
}
