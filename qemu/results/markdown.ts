/** The grids of verdicts as Markdown. */
import { type Grid, gridsOf } from './grid.ts';
import type { Run } from './runs.ts';

export function markdown(runs: readonly Run[]): string {
  const last = runs.at(-1)?.name.slice(0, 8) ?? '';
  return [
    '# Crashes in the lab',
    '',
    `${runs.length} runs, the last of ${last}.`,
    ...gridsOf(runs).flatMap(tableOf),
    '',
  ].join('\n');
}

function tableOf({ title, kernels, rows }: Grid): string[] {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    '',
    `## By ${title}`,
    '',
    row([title, ...kernels]),
    row([title, ...kernels].map(() => '---')),
    ...rows.map(({ value, runs }) => row([`\`${value}\``, ...runs.map(run => run?.verdict ?? '')])),
  ];
}
