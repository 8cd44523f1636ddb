/** Which of the dumps a list shows, and in which order. */
import type { Dump } from './dumps.ts';

export interface Choice {
  /** The newest so many; undefined for all. */
  readonly most: number | undefined;
  readonly since: Date | undefined;
  readonly newestFirst: boolean;
}

/** @param dumps newest last */
export function choose(dumps: readonly Dump[], { most, since, newestFirst }: Choice): Dump[] {
  const recent = dumps.filter(({ time }) => since === undefined || time >= since);
  const newest = most === undefined ? recent : recent.slice(-most);
  return newestFirst ? newest.toReversed() : newest;
}
