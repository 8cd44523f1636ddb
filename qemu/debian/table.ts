/** Captures side by side: a table, bars of where the time went, and how long ours take beside another program's. */
import { longestOf, segmentBars } from '../run/segment-bars.ts';
import type { Capture } from './capture.ts';
import {
  type Column,
  captureCpuSeconds,
  captureSeconds,
  columnsOf,
  medianSegments,
  type NamedCaptures,
  spreadOf,
} from './columns.ts';
import { KDUMPLING } from './peers.ts';

type Figure = (capture: Capture) => number | undefined;

interface Row {
  readonly title: string;
  cell(captures: readonly Capture[]): string;
}

const seconds = (value: number) => value.toFixed(1);

const ROWS: readonly Row[] = [
  { title: 'crashed kernel', cell: ([{ kernel }]) => shortName(kernel) },
  { title: 'crashes', cell: ({ length }) => String(length) },
  figureRow('panic to capture kernel', 's', seconds, ({ times }) => times.captureKernel),
  figureRow('capture kernel to reboot', 's', seconds, captureSeconds),
  figureRow('CPU time of QEMU for it', 's', seconds, captureCpuSeconds),
  figureRow('panic to login', 's', seconds, ({ times }) => times.login),
  figureRow('dump', 'MB', megabytes, ({ dumpBytes }) => dumpBytes),
  figureRow('initrd', 'MB', megabytes, ({ initrdBytes }) => initrdBytes),
  { title: 'reserved', cell: ([{ crashkernelMib }]) => `${crashkernelMib} MiB` },
  figureRow('load of the host', '', seconds, ({ hostLoad }) => hostLoad),
];

/** All of it, for a terminal. */
export function describeCaptures(results: readonly NamedCaptures[]): string {
  const lines = comparisons(results).map(line => `  ${line}`);
  const parts = [captureTable(results), lines.join('\n'), captureBars(results)];
  return parts.filter(part => part !== '').join('\n\n');
}

/** A column for each kind of capture. Of several captures it has the median, and in brackets the lowest and the highest. */
export function captureTable(results: readonly NamedCaptures[]): string {
  const columns = columnsOf(results);
  const rows = [
    ['', ...columns.map(({ name }) => name)],
    ...ROWS.map(({ title, cell }) => [title, ...columns.map(({ captures }) => cell(captures))]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)) + 2);
  return rows
    .map(row => `  ${row.map((text, column) => text.padEnd(widths[column])).join('')}`.trimEnd())
    .join('\n');
}

/** The medians of each column's segments, all to one scale. */
export function captureBars(results: readonly NamedCaptures[]): string {
  const columns = columnsOf(results).map(({ name, captures }) => ({
    title: `${name}, ${shortName(captures[0]!.kernel)}`,
    segments: medianSegments(captures),
  }));
  const longest = longestOf(columns.flatMap(({ segments }) => segments));
  return columns
    .filter(({ segments }) => segments.length > 0)
    .map(({ title, segments }) =>
      [`  ${title}`, ...segmentBars(segments, longest).map(line => `    ${line}`)].join('\n'),
    )
    .join('\n\n');
}

/** Lines on each other program that captured a kernel that ours captured, too. */
export function comparisons(results: readonly NamedCaptures[]): string[] {
  const columns = columnsOf(results);
  const kernelOf = ({ captures }: Column) => captures[0]!.kernel;
  return columns
    .filter(({ name }) => name !== KDUMPLING)
    .flatMap(theirs => {
      const ours = columns.find(column => column.name === KDUMPLING && kernelOf(column) === kernelOf(theirs));
      if (!ours) return [];
      return COMPARED.flatMap(({ of, figure }) => {
        const [a, b] = [ours, theirs].map(({ captures }) => spreadOf(captures, figure));
        return a && b
          ? `capture kernel to reboot: ${KDUMPLING} takes ${(a.median / b.median).toFixed(2)} of the ${of} of ${theirs.name}`
          : [];
      });
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

function shortName(kernel: string): string {
  return kernel.replace(/-(amd64|arm64)$/, '');
}
