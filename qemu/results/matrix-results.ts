/** The last verdicts of a matrix as a page of Markdown: what ran with what, when, and what did not hold. */
import type { PlannedCell } from '../lab/cell.ts';
import type { JournalEntry } from '../lab/journal.ts';

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
    ...triggerTable(rows.filter(row => kindOf(row) === 'trigger')),
    ...list(
      'Faults',
      'fault',
      rows.filter(row => kindOf(row) === 'fault'),
    ),
    ...list(
      'Memory geometries',
      'geometry',
      rows.filter(row => kindOf(row) === 'geometry'),
    ),
    ...list(
      'Machines, disks and dumps',
      'machine',
      rows.filter(row => kindOf(row) === 'machine'),
    ),
    ...list(
      'Several axes',
      'crash',
      rows.filter(row => kindOf(row) === 'several'),
    ),
    '',
    '## What cannot be made here',
    '',
    ...facts.impossible.map(({ name, why }) => `- \`${name}\`: ${why}.`),
    '',
  ].join('\n');
}

const NAMED = ['trigger', 'fault', 'geometry'] as const;
type Kind = (typeof NAMED)[number] | 'machine' | 'several';

/** The one thing that is unusual about a crash. The plain crash stands among the triggers. */
function kindOf({ cell: { kernel: _, ...unusual } }: Row): Kind {
  const named = NAMED.filter(axis => unusual[axis] !== undefined);
  const others = Object.keys(unusual).length - named.length;
  if (named.length === 0) return others === 0 ? 'trigger' : 'machine';
  return named.length === 1 && others === 0 ? named[0]! : 'several';
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

function triggerTable(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const kernels = [...new Set(rows.map(({ cell }) => cell.kernel))];
  const groups = [...Map.groupBy(rows, ({ cell }) => cell.trigger ?? 'sysrq-c')];
  return [
    '',
    '## Triggers',
    '',
    line(['trigger', ...kernels]),
    line(['---', ...kernels.map(() => '---')]),
    ...groups.map(([trigger, group]) => {
      const on = (kernel: string) => group.find(({ cell }) => cell.kernel === kernel);
      return line([`\`${trigger}\``, ...kernels.map(kernel => verdictOf(on(kernel)))]);
    }),
  ];
}

/** An empty cell: the matrix has no such crash. */
function verdictOf(row: Row | undefined): string {
  if (!row) return '';
  return row.entry ? `${row.entry.verdict}, ${row.entry.seconds.toFixed(0)} s` : 'not run';
}

function list(title: string, head: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  return [
    '',
    `## ${title}`,
    '',
    line([head, 'kernel', 'verdict']),
    line(['---', '---', '---']),
    ...rows.map(row =>
      line([`\`${row.title.slice(row.cell.kernel.length + 1)}\``, row.cell.kernel, verdictOf(row)]),
    ),
  ];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
