/** The page of all runs: a grid of verdicts for each axis, and where the time went. */
import { barHtml } from './bar-html.ts';
import { type Segment, segmentsOf } from './bars.ts';
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
  const body = [
    '<h1>Crashes in the lab</h1>',
    `<p>${runs.length} runs: ${summary.join(' ')}. A cell is the newest run; click it for its serial log.</p>`,
    ...gridsOf(runs).map(gridHtml),
    '<h2>From the panic to the machine’s return</h2>',
    timesHtml(runs),
  ];
  return page('Crashes in the lab', body.join('\n'));
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
  if (!run) return '<td></td>';
  const broken = (run.expectations ?? []).filter(({ holds }) => !holds).map(({ what }) => what);
  const why = escapeHtml(run.reason ?? broken.join('; '));
  return `<td class="verdict"><a class="${run.verdict}" href="${encodeURIComponent(run.name)}/index.html" title="${why}">${run.verdict}</a></td>`;
}

function timesHtml(runs: readonly Run[]): string {
  const bars = runs
    .map(run => ({ run, segments: segmentsOf(run) }))
    .filter(({ segments }) => segments.length > 0);
  const longest = Math.max(...bars.map(({ segments }) => totalOf(segments)));
  const rows = bars.map(
    ({ run, segments }) =>
      `<tr><td>${escapeHtml(run.name)}</td><td>${totalOf(segments).toFixed(1)} s</td><td>${barHtml(segments, longest)}</td></tr>`,
  );
  return ['<table>', ...rows, '</table>'].join('\n');
}

function totalOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { seconds }) => sum + seconds, 0);
}
