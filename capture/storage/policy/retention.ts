/** Chooses the dumps to remove, never the newest complete one or the one that was just made. Pure. */

export interface StoredDump {
  readonly name: string;
  readonly bytes: number;
  readonly isComplete: boolean;
}

export interface RetentionPolicy {
  /** How many to keep; 0: all. */
  readonly keepDumps: number;
  /** Their total size limit; 0: none. */
  readonly maxUseBytes: number;
}

/** Oldest first: by the stamp, then by the number of those that share it. */
export function byAge(a: { readonly name: string }, b: { readonly name: string }): number {
  const parts = ({ name }: { readonly name: string }): [string, number] => {
    const [stamp, number = '1'] = name.split('-');
    return [stamp, Number(number)];
  };
  const [stampA, numberA] = parts(a);
  const [stampB, numberB] = parts(b);
  return stampA < stampB ? -1 : stampA > stampB ? 1 : numberA - numberB;
}

/** Those that may be removed, oldest first. @param current the dump that is being made, whatever its stamp. */
export function removableDumps(dumps: readonly StoredDump[], current: string): StoredDump[] {
  const sorted = dumps.filter(({ name }) => name !== current).toSorted(byAge);
  const newestComplete = sorted.findLast(({ isComplete }) => isComplete);
  return sorted.filter(dump => dump !== newestComplete);
}

/** The dumps to remove once `current` is complete. */
export function expiredDumps(
  dumps: readonly StoredDump[],
  current: string,
  { keepDumps, maxUseBytes }: RetentionPolicy,
): StoredDump[] {
  // `current` is complete, so every older one may go.
  const removable = dumps.filter(({ name }) => name !== current).toSorted(byAge);
  let count = dumps.length;
  let bytes = dumps.reduce((sum, dump) => sum + dump.bytes, 0);
  const expired: StoredDump[] = [];
  for (const dump of removable) {
    const isTooMany = keepDumps > 0 && count > keepDumps;
    const isTooMuch = maxUseBytes > 0 && bytes > maxUseBytes;
    if (!isTooMany && !isTooMuch) break;
    expired.push(dump);
    count--;
    bytes -= dump.bytes;
  }
  return expired;
}
