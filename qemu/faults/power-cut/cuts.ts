/** When the power fails, and which unflushed writes have reached the medium. Pure: the same seed gives the same cuts. */
import { createHash } from 'node:crypto';
import type { LogEntry } from './write-log.ts';

/** `all`: every write so far is on the medium. `some`: the flushed ones, and any of those since, whole or torn at a sector. */
export type CutKind = 'all' | 'some';

export interface Cut {
  /** Index of the first log entry that the disk did not get. */
  readonly at: number;
  readonly kind: CutKind;
  readonly seed: number;
}

/** The part of an entry that reached the medium. */
export interface Reached {
  readonly entry: LogEntry;
  readonly sizeBytes: number;
}

/** Cuts before and after every flush, and `count` cuts elsewhere. Every second one loses some of the unflushed writes. */
export function planCuts(entries: readonly LogEntry[], count: number, seed: number): Cut[] {
  const cuts: Cut[] = [{ at: 0, kind: 'all', seed }];
  for (const [index, { isFlush }] of entries.entries()) {
    if (!isFlush) continue;
    cuts.push(
      { at: index, kind: 'some', seed: seed + index },
      { at: index + 1, kind: 'all', seed: seed + index },
    );
  }
  for (let i = 0; i < count; i++) {
    const at = Math.floor(fraction(seed, i) * (entries.length + 1));
    cuts.push({ at, kind: i % 2 === 0 ? 'some' : 'all', seed: seed + entries.length + i });
  }
  return cuts.toSorted((a, b) => a.at - b.at);
}

/** Number of entries that are certainly on the medium: those before the last completed flush. */
export function durableEntries(entries: readonly LogEntry[], at: number): number {
  let durable = at;
  while (durable > 0 && !entries[durable - 1].isFlush) durable--;
  return durable;
}

/** The entries in [from, cut.at) that also reach the medium, in order. */
export function reachedEntries(
  entries: readonly LogEntry[],
  from: number,
  { at, kind, seed }: Cut,
  sectorBytes: number,
): Reached[] {
  const reached: Reached[] = [];
  for (let index = from; index < at; index++) {
    const entry = entries[index];
    if (entry.dataOffset === undefined) continue;
    const { sizeBytes } = entry;
    if (kind === 'all' || entry.isFua) {
      reached.push({ entry, sizeBytes });
      continue;
    }
    const fate = fraction(seed, index);
    // Half of them are lost, and a quarter of the rest is torn.
    if (fate < 0.5) continue;
    const sectors = Math.floor(((fate - 0.5) / 0.125) * (sizeBytes / sectorBytes));
    reached.push({ entry, sizeBytes: fate < 0.625 ? sectors * sectorBytes : sizeBytes });
  }
  return reached;
}

/** A pseudo-random number in [0, 1). */
function fraction(seed: number, index: number): number {
  return createHash('sha256').update(`${seed}:${index}`).digest().readUInt32LE(0) / 2 ** 32;
}
