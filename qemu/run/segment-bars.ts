/** Bars for a terminal: a line for each segment, as long as its time. */
import type { Segment } from './segments.ts';

const WIDTH = 40;

/** @param longest seconds of the longest bar; bars of two runs are comparable where both have the same. */
export function segmentBars(segments: readonly Segment[], longest = longestOf(segments)): string[] {
  const names = Math.max(0, ...segments.map(({ name }) => name.length));
  return segments.map(({ name, seconds }) => {
    const bar = '█'.repeat(Math.round((WIDTH * seconds) / longest)) || '▏';
    return `${name.padEnd(names)}  ${seconds.toFixed(1).padStart(5)} s  ${bar}`;
  });
}

export function longestOf(segments: readonly Segment[]): number {
  return Math.max(0, ...segments.map(({ seconds }) => seconds));
}
