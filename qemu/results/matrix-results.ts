/** The last verdicts of a matrix as a page of Markdown: what ran with what, when, and what did not hold. */
import type { PlannedCell } from '../lab/cell.ts';
import type { JournalEntry } from '../lab/journal.ts';
import { DEFAULT_MACHINE } from '../lab/options.ts';

export interface MatrixFacts {
  readonly matrix: string;
  readonly cells: readonly PlannedCell[];
  readonly entries: readonly JournalEntry[];
  readonly accel: string;
  /** QEMU's name and version. */
  readonly qemu: string;
  readonly today: Date;
  /** Crashes that cannot be made, with the reason. */
  readonly impossible: readonly { readonly name: string; readonly why: string }[];
}

interface Row extends Pick<PlannedCell, 'cell' | 'title'> {
  readonly entry: JournalEntry | undefined;
}

export function matrixResults({ matrix, cells, entries, ...facts }: MatrixFacts): string {
  const byTitle = new Map(entries.map(entry => [entry.title, entry]));
  const rows = cells.map(({ cell, title }): Row => ({ cell, title, entry: byTitle.get(title) }));
  return [
    `# Results of the matrix \`${matrix}\``,
    '',
    `This page is written by \`npm run crash -- --matrix ${matrix} --results FILE\`.`,
    '',
    ...summary(rows, facts),
    ...amiss(rows),
    ...triggerTable(rows),
    ...crashTable(rows),
    '',
    '## What cannot be made here',
    '',
    ...facts.impossible.map(({ name, why }) => `- \`${name}\`: ${why}.`),
    '',
  ].join('\n');
}

function summary(
  rows: readonly Row[],
  { accel, qemu, today }: Pick<MatrixFacts, 'accel' | 'qemu' | 'today'>,
): string[] {
  const done = rows.flatMap(({ entry }) => entry ?? []);
  const count = (verdict: JournalEntry['verdict']) => done.filter(one => one.verdict === verdict).length;
  const releases = new Map(done.map(({ release }) => [release, 0]));
  const commits = [...Map.groupBy(done, ({ commit }) => commit || 'unknown')].map(
    ([commit, group]) => `\`${commit}\` (${group.length})`,
  );
  const seconds = done.reduce((sum, one) => sum + one.seconds, 0);
  return [
    `| | |`,
    `|---|---|`,
    `| crashes | ${rows.length}: ${count('passed')} passed, ${count('failed')} failed, ${count('lost')} lost, ${rows.length - done.length} not run |`,
    `| written | ${today.toISOString().slice(0, 10)} |`,
    `| machine | ${qemu}, ${accel}; Node ${process.version} |`,
    `| kernels | ${[...releases.keys()].sort().join(', ')} |`,
    `| commits, with the crashes that ran at each | ${commits.join(', ')} |`,
    `| time | ${(seconds / 60).toFixed(0)} minutes, ${(seconds / Math.max(1, done.length)).toFixed(0)} s a crash |`,
  ];
}

function amiss(rows: readonly Row[]): string[] {
  const bad = rows.filter(({ entry }) => entry && entry.verdict !== 'passed');
  const absent = rows.filter(({ entry }) => entry === undefined);
  return [
    ...section(
      'What did not pass',
      bad,
      ({ title, entry }) => `- \`${title}\`, ${entry!.verdict}: ${entry!.reasons.join('; ')}`,
    ),
    ...section('What was not run', absent, ({ title }) => `- \`${title}\``),
  ];
}

function section(title: string, rows: readonly Row[], line: (row: Row) => string): string[] {
  return rows.length === 0 ? [] : ['', `## ${title}`, '', ...rows.map(line)];
}

/** Each trigger on each kernel, whatever else was unusual about the crash; the default one where nothing else was. */
function triggerTable(rows: readonly Row[]): string[] {
  const triggered = rows.filter(({ cell: { kernel: _, ...unusual } }) => unusual.trigger || isEmpty(unusual));
  if (triggered.length === 0) return [];
  const kernels = [...new Set(triggered.map(({ cell }) => cell.kernel))].sort();
  const groups = [...Map.groupBy(triggered, ({ cell }) => cell.trigger ?? DEFAULT_MACHINE.trigger.name)];
  return [
    '',
    '## Triggers by kernel',
    '',
    line(['trigger', ...kernels]),
    line(['---', ...kernels.map(() => '---')]),
    ...groups
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([trigger, group]) => {
        const on = (kernel: string) => group.find(({ cell }) => cell.kernel === kernel);
        return line([`\`${trigger}\``, ...kernels.map(kernel => verdictOf(on(kernel)))]);
      }),
  ];
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}

/** An empty cell: the matrix has no such crash. */
function verdictOf(row: Row | undefined): string {
  return row ? (row.entry?.verdict ?? 'not run') : '';
}

function crashTable(rows: readonly Row[]): string[] {
  return [
    '',
    '## Crashes',
    '',
    line(['kernel', 'crash', 'verdict', 'seconds']),
    line(['---', '---', '---', '---']),
    ...rows.map(row => {
      const { title, cell, entry } = row;
      const crash = `\`${title.slice(cell.kernel.length + 1)}\``;
      return line([cell.kernel, crash, verdictOf(row), entry ? entry.seconds.toFixed(0) : '']);
    }),
  ];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
