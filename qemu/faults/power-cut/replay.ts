/** Disks as power cuts leave them: a base image with the log's writes applied up to each cut. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { tool } from '../../disks/file-systems.ts';
import { type Cut, durableEntries, type Reached, reachedEntries } from './cuts.ts';
import type { WriteLog } from './write-log.ts';

export interface ReplayRequest {
  readonly log: WriteLog;
  /** The disk before the first write. It is modified. */
  readonly base: string;
  /** Gets the disk of each cut in turn. */
  readonly image: string;
  /** Ordered; see planCuts. */
  readonly cuts: readonly Cut[];
}

/** Yields each cut when its disk is in `image`. */
export async function* replayCuts({ log, base, image, cuts }: ReplayRequest): AsyncGenerator<Cut> {
  const { entries, sectorBytes } = log;
  let durable = 0;
  for (const cut of cuts) {
    const certain = durableEntries(entries, cut.at);
    const between = { at: certain, kind: 'all', seed: 0 } as const;
    apply(log, base, reachedEntries(entries, durable, between, sectorBytes));
    durable = certain;
    await tool('cp', ['--sparse=always', '--reflink=auto', base, image]);
    apply(log, image, reachedEntries(entries, certain, cut, sectorBytes));
    yield cut;
  }
}

function apply({ path }: WriteLog, image: string, reached: readonly Reached[]): void {
  const from = openSync(path, 'r');
  const to = openSync(image, 'r+');
  try {
    for (const { entry, sizeBytes } of reached) {
      const bytes = new Uint8Array(sizeBytes);
      readSync(from, bytes, 0, sizeBytes, entry.dataOffset!);
      writeSync(to, bytes, 0, sizeBytes, entry.offset);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}
