/** Captures of the same kind put together: their medians, with the lowest and the highest. */
import { median } from '../run/median.ts';
import type { Segment } from '../run/segments.ts';
import type { Capture } from './capture.ts';

export interface NamedCaptures {
  readonly name: string;
  readonly captures: readonly Capture[];
  /** Machines that were lost: nothing is known of what they would have captured. */
  readonly losses?: readonly unknown[];
}

/** Captures by one program, of one kernel, with one reservation. */
export interface Column {
  readonly name: string;
  /** Not empty, in the order in which they were made. */
  readonly captures: readonly Capture[];
}

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export function columnsOf(results: readonly NamedCaptures[]): Column[] {
  return results.flatMap(({ name, captures }) => {
    const kinds = Map.groupBy(captures, ({ kernel, crashkernelMib }) => `${kernel} ${crashkernelMib}`);
    return [...kinds.values()].map(kind => ({ name, captures: kind }));
  });
}

/** Of those captures that have the figure; undefined where none has it. */
export function spreadOf(
  captures: readonly Capture[],
  figure: (capture: Capture) => number | undefined,
): Spread | undefined {
  const values = captures.flatMap(capture => figure(capture) ?? []);
  if (values.length === 0) return undefined;
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** Seconds from the capture kernel's first line to its reboot. */
export function captureSeconds({ times: { captureKernel, reboot } }: Capture): number | undefined {
  return captureKernel === undefined || reboot === undefined ? undefined : reboot - captureKernel;
}

/** CPU time that QEMU took meanwhile: on a busy host it says more about the work than the clock. */
export function captureCpuSeconds({ times: { captureCpu } }: Capture): number | undefined {
  return captureCpu;
}

/** Pages that the dump has: of one machine they differ from boot to boot, and the times with them. */
export function pagesKept({ pages }: Capture): number | undefined {
  return pages?.dumped;
}

/** The median of each segment, in the order of the first capture. */
export function medianSegments(captures: readonly Capture[]): Segment[] {
  const byName = Map.groupBy(
    captures.flatMap(({ segments }) => segments),
    ({ name }) => name,
  );
  return [...byName].map(([name, segments]) => ({
    name,
    seconds: median(segments.map(({ seconds }) => seconds)),
  }));
}
