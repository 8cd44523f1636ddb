/** Which dumps go: pure. The newest complete one never does, nor does the one that was just made. */

export interface StoredDump {
  readonly name: string;
  readonly bytes: number;
  readonly isComplete: boolean;
}

export interface RetentionPolicy {
  /** How many stay; 0: all. */
  readonly keepDumps: number;
  /** What all of them may take; 0: whatever they take. */
  readonly maxUseBytes: number;
}

/** By when they were made, oldest first: the stamp, then the number of those that share it. */
export function byAge(a: { readonly name: string }, b: { readonly name: string }): number {
  const parts = ({ name }: { readonly name: string }): [string, number] => {
    const [stamp, number = '1'] = name.split('-');
    return [stamp, Number(number)];
  };
  const [stampA, numberA] = parts(a);
  const [stampB, numberB] = parts(b);
  return stampA < stampB ? -1 : stampA > stampB ? 1 : numberA - numberB;
}

/** Those that may go, oldest first. @param current the dump that is being made, whatever its stamp says. */
export function removableDumps(dumps: readonly StoredDump[], current: string): StoredDump[] {
  const sorted = dumps.filter(({ name }) => name !== current).toSorted(byAge);
  const newestComplete = sorted.findLast(({ isComplete }) => isComplete);
  return sorted.filter(dump => dump !== newestComplete);
}

/** What goes after the dump `current` is complete. */
export function expiredDumps(
  dumps: readonly StoredDump[],
  current: string,
  { keepDumps, maxUseBytes }: RetentionPolicy,
): StoredDump[] {
  // With a complete one just made, no older one is the newest.
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
