/** Removes older dumps by the options, on a target that holds several. Each removal is logged. */
import { dirname } from 'node:path';
import { describeError } from '../../errors.ts';
import { amountBytes } from '../../options/amount.ts';
import type { TextPlace } from '../place/place.ts';
import { removeDump, storedDumps } from './dump-store.ts';
import { expiredDumps, removableDumps, type StoredDump } from './retention.ts';
import type { RoomKeeper } from './room.ts';
import { readSpace } from './space.ts';

export interface RetentionLog {
  say(text: string): void;
  warn(text: string): void;
}

/** Makes room for a dump. Returns the removed one's name; undefined when none may or can be removed. */
export function removeOldest({ scratch, name }: TextPlace, log: RetentionLog): string | undefined {
  if (scratch === undefined) return undefined;
  const directory = dirname(scratch);
  return removableDumps(storedDumps(directory), name).find(dump => remove(directory, dump, log))?.name;
}

/** Applies `keepDumps` and `maxUse` after a complete dump. */
export function retain(
  { keepDumps, maxUse }: { readonly keepDumps: number; readonly maxUse: string },
  { scratch, name }: TextPlace,
  keeper: RoomKeeper,
  log: RetentionLog,
): void {
  if (scratch === undefined) return;
  const directory = dirname(scratch);
  const maxUseBytes = amountBytes(maxUse, readSpace(directory).totalBytes);
  if (keepDumps === 0 && maxUseBytes === 0) return;
  for (const dump of expiredDumps(storedDumps(directory), name, { keepDumps, maxUseBytes })) {
    if (remove(directory, dump, log)) keeper.expired(dump.name);
  }
}

function remove(directory: string, { name, bytes, isComplete }: StoredDump, log: RetentionLog): boolean {
  try {
    const left = removeDump(directory, name);
    log.say(`removed the ${isComplete ? 'complete' : 'incomplete'} dump ${name}, ${bytes} bytes`);
    if (left.length > 0) log.warn(`in ${name} there stays what is not ours: ${left.join(' ')}`);
    return true;
  } catch (error) {
    log.warn(`cannot remove ${name}: ${describeError(error)}`);
    return false;
  }
}
