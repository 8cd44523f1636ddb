/** Captures side by side: tables, bars of where the time went, and how long ours take beside another program's. */
import { counted } from '../../capture/errors.ts';
import { longestOf, segmentBars } from '../run/segment-bars.ts';
import type { Capture } from './capture.ts';
import {
  type Column,
  captureCpuSeconds,
  captureSeconds,
  columnsOf,
  medianSegments,
  type NamedCaptures,
  pagesKept,
  spreadOf,
} from './columns.ts';
import { OURS } from './peers.ts';

type Figure = (capture: Capture) => number | undefined;

interface Row {
  readonly title: string;
  cell(captures: readonly Capture[]): string;
}

const seconds = (value: number) => value.toFixed(1);
const whole = (value: number) => value.toFixed(0);

/** What a crash is judged by beside the others of its column. */
const OF_EACH: readonly Row[] = [
  figureRow('CPUs of the crash kernel', '', String, ({ captureCpus }) => captureCpus),
  figureRow('pages kept', '', whole, pagesKept),
  figureRow('dump', 'MB', megabytes, ({ dumpBytes }) => dumpBytes),
  figureRow('capture kernel to reboot', 's', seconds, captureSeconds),
  figureRow('CPU time of QEMU for it', 's', seconds, captureCpuSeconds),
];

const ROWS: readonly Row[] = [
  { title: 'crashed kernel', cell: ([{ kernel }]) => shortName(kernel) },
  { title: 'crashes', cell: ({ length }) => String(length) },
  figureRow('panic to capture kernel', 's', seconds, ({ times }) => times.captureKernel),
  ...OF_EACH,
  figureRow('panic to login', 's', seconds, ({ times }) => times.login),
  figureRow('initrd', 'MB', megabytes, ({ initrdBytes }) => initrdBytes),
  { title: 'reserved', cell: ([{ crashkernelMib }]) => `${crashkernelMib} MiB` },
  figureRow('load of the host', '', seconds, ({ hostLoad }) => hostLoad),
];

/** All of it, for a terminal. */
export function describeCaptures(results: readonly NamedCaptures[]): string {
  const lines = comparisons(results).map(line => `  ${line}`);
  const parts = [
    captureTable(results),
    crashTable(results),
    lostMachines(results),
    captureBars(results),
    lines.join('\n'),
  ];
  return parts.filter(part => part !== '').join('\n\n');
}

/** A column for each kind of capture. Of several captures it has the median, and in brackets the lowest and the highest. */
export function captureTable(results: readonly NamedCaptures[]): string {
  const columns = columnsOf(results);
  return aligned([
    ['', ...columns.map(({ name }) => name)],
    ...ROWS.map(({ title, cell }) => [title, ...columns.map(({ captures }) => cell(captures))]),
  ]);
}

/** A row for each crash, in the order in which a column's were made; none where each column is of one crash. */
export function crashTable(results: readonly NamedCaptures[]): string {
  const columns = columnsOf(results);
  if (columns.every(({ captures }) => captures.length === 1)) return '';
  return aligned([
    ['', ...OF_EACH.map(({ title }) => title)],
    ...columns.flatMap(column =>
      column.captures.map((capture, index) => [
        `${titleOf(column)}, ${index + 1}`,
        ...OF_EACH.map(({ cell }) => cell([capture])),
      ]),
    ),
  ]);
}

/** A line on each program of which machines were lost; none where all came home. */
export function lostMachines(results: readonly NamedCaptures[]): string {
  return results
    .flatMap(({ name, captures, losses = [] }) =>
      losses.length === 0
        ? []
        : `  ${name}: ${counted(losses.length, 'machine')} LOST, and the table has ${counted(captures.length, 'crash', 'crashes')}`,
    )
    .join('\n');
}

/** Lines of a table whose columns stand below each other. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)) + 2);
  return rows
    .map(row => `  ${row.map((text, column) => text.padEnd(widths[column])).join('')}`.trimEnd())
    .join('\n');
}

/** The medians of each column's segments, all to one scale. */
export function captureBars(results: readonly NamedCaptures[]): string {
  const columns = columnsOf(results).map(column => ({
    title: titleOf(column),
    segments: medianSegments(column.captures),
  }));
  const longest = longestOf(columns.flatMap(({ segments }) => segments));
  return columns
    .filter(({ segments }) => segments.length > 0)
    .map(({ title, segments }) =>
      [`  ${title}`, ...segmentBars(segments, longest).map(line => `    ${line}`)].join('\n'),
    )
    .join('\n\n');
}

/** A line on each of ours beside each other program that captured the same kernel. */
export function comparisons(results: readonly NamedCaptures[]): string[] {
  const columns = columnsOf(results);
  const kernelOf = ({ captures }: Column) => captures[0]!.kernel;
  return columns
    .filter(({ name }) => !OURS.includes(name))
    .flatMap(theirs =>
      OURS.flatMap(name => {
        const ours = columns.find(column => column.name === name && kernelOf(column) === kernelOf(theirs));
        const ratios = ours ? ratiosOf(ours, theirs) : [];
        return ratios.length === 0
          ? []
          : `capture kernel to reboot: ${name} takes ${ratios.join(' and ')} of ${theirs.name}`;
      }),
    );
}

/** `0.42 of the time`, of what both columns have. */
function ratiosOf(ours: Column, theirs: Column): string[] {
  return COMPARED.flatMap(({ of, figure }) => {
    const [a, b] = [ours, theirs].map(({ captures }) => spreadOf(captures, figure));
    return a && b ? `${(a.median / b.median).toFixed(2)} of the ${of}` : [];
  });
}

const COMPARED: readonly { readonly of: string; readonly figure: Figure }[] = [
  { of: 'time', figure: captureSeconds },
  { of: 'CPU time', figure: captureCpuSeconds },
];

function figureRow(title: string, unit: string, write: (value: number) => string, figure: Figure): Row {
  return {
    title,
    cell(captures) {
      const spread = spreadOf(captures, figure);
      if (!spread) return '-';
      const [middle, lowest, highest] = [spread.median, spread.lowest, spread.highest].map(write);
      const range = lowest === highest ? '' : ` (${lowest}–${highest})`;
      return `${middle} ${unit}`.trimEnd() + range;
    },
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function titleOf({ name, captures }: Column): string {
  return `${name}, ${shortName(captures[0]!.kernel)}`;
}

function shortName(kernel: string): string {
  return kernel.replace(/-(amd64|arm64)$/, '');
}
