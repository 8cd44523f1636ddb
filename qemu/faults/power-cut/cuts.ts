/** When the power goes, and what of the unflushed writes has reached the medium by then: pure, the same for the same seed. */
import { createHash } from 'node:crypto';
import type { LogEntry } from './write-log.ts';

/** `all`: every write so far. `some`: what was flushed, and any of the writes since, whole or torn at a sector. */
export type CutKind = 'all' | 'some';

export interface Cut {
  /** Entries before this one were given to the disk. */
  readonly at: number;
  readonly kind: CutKind;
  readonly seed: number;
}

/** The part of an entry that has reached the medium. */
export interface Reached {
  readonly entry: LogEntry;
  readonly sizeBytes: number;
}

/** Directly before and after every flush, and at `count` other places, every other one with some of the writes only. */
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

/** How many entries are on the medium for certain: those before the last flush that was done. */
export function durableEntries(entries: readonly LogEntry[], at: number): number {
  let durable = at;
  while (durable > 0 && !entries[durable - 1].isFlush) durable--;
  return durable;
}

/** What of `entries[from, cut.at)` reaches the medium besides, in order. */
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
    // Half of them are lost, a quarter of the others are torn.
    if (fate < 0.5) continue;
    const sectors = Math.floor(((fate - 0.5) / 0.125) * (sizeBytes / sectorBytes));
    reached.push({ entry, sizeBytes: fate < 0.625 ? sectors * sectorBytes : sizeBytes });
  }
  return reached;
}

/** 0 to below 1, looks random. */
function fraction(seed: number, index: number): number {
  return createHash('sha256').update(`${seed}:${index}`).digest().readUInt32LE(0) / 2 ** 32;
}
