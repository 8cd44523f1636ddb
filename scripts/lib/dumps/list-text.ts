/** Dumps as lines for people, a line each in aligned columns, and as data for programs. */
import { printable } from '../../../capture/text.ts';
import { describeBytes } from '../cli/sizes.ts';
import type { Dump } from './dumps.ts';

const GAP = '  ';

export function dumpLines(dumps: readonly Dump[]): string[] {
  const rows = dumps.map(({ id, state, bytes, manifest, why }) => {
    const texts = [state === 'complete' ? undefined : why, manifest?.crash.reason];
    return [id, state, describeBytes(bytes), texts.filter(Boolean).join('; ')].map(printable);
  });
  const widths = [0, 1, 2, 3].map(column => Math.max(0, ...rows.map(row => row[column]!.length)));
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join(GAP)
      .trimEnd(),
  );
}

export function dumpData({ id, directory, state, why, time, bytes, manifest }: Dump): unknown {
  return {
    id,
    directory,
    state,
    why,
    time: time.toISOString(),
    bytes,
    reason: manifest?.crash.reason,
    kernel: manifest?.kernel.release,
  };
}
