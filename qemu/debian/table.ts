/** The stories' captures side by side. */
import type { Capture } from './capture.ts';

export interface NamedCaptures {
  readonly name: string;
  readonly captures: readonly Capture[];
}

type Cell = (capture: Capture) => string;

const seconds = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(1)} s`);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

const ROWS: readonly (readonly [string, Cell])[] = [
  ['crashed kernel', ({ kernel }) => kernel.replace(/-(amd64|arm64)$/, '')],
  ['panic to capture kernel', ({ times }) => seconds(times.captureKernel)],
  ['capture kernel to reboot', ({ times }) => seconds(difference(times.reboot, times.captureKernel))],
  ['panic to login', ({ times }) => seconds(times.login)],
  ['dump', ({ dumpBytes }) => megabytes(dumpBytes)],
  ['initrd', ({ initrdBytes }) => megabytes(initrdBytes)],
  ['reserved', ({ crashkernelMib }) => `${crashkernelMib} MiB`],
];

export function captureTable(results: readonly NamedCaptures[]): string {
  const columns = results.flatMap(({ name, captures }) => captures.map(capture => ({ name, capture })));
  const rows = [
    ['', ...columns.map(({ name }) => name)],
    ...ROWS.map(([title, cell]) => [title, ...columns.map(({ capture }) => cell(capture))]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)) + 2);
  return rows
    .map(row => `  ${row.map((text, column) => text.padEnd(widths[column])).join('')}`.trimEnd())
    .join('\n');
}

function difference(later: number | undefined, earlier: number | undefined): number | undefined {
  return later === undefined || earlier === undefined ? undefined : later - earlier;
}
