/** Numbers that the guest read just before the crash against those of the dump. Which may have moved, and how far, is data. */
import type { Numbers } from './tables.ts';
import type { Agreement } from './view.ts';

/** A number that may move between the guest's look and the crash. */
export interface Allowance {
  readonly name: RegExp;
  /** In the number's own unit. */
  readonly most: number;
  /** What moves it. */
  readonly why: string;
}

/** @param what before each name: the zone, the cache. @param ours may have fewer: those that are left out are in `leftOut`. */
export function compareNumbers(
  guests: Numbers,
  ours: Numbers,
  allowed: readonly Allowance[],
  leftOut: RegExp = /^$/,
): Agreement {
  const differences: string[] = [];
  const notes: string[] = [];
  let compared = 0;
  for (const [name, value] of Object.entries(guests)) {
    if (leftOut.test(name)) continue;
    compared++;
    const dumped = ours[name];
    if (dumped === value) continue;
    const allowance = allowed.find(one => one.name.test(name));
    const by = dumped === undefined ? Number.POSITIVE_INFINITY : Math.abs(dumped - value);
    const sentence = `${name}: the guest had ${value}, the dump has ${dumped ?? 'none'}`;
    if (allowance && by <= allowance.most) notes.push(`${name} ${dumped! > value ? '+' : '−'}${by}`);
    else differences.push(sentence);
  }
  const extra = Object.keys(ours).filter(name => !(name in guests));
  return {
    compared,
    differences: [...differences, ...extra.map(name => `${name}: the guest had none`)],
    notes,
  };
}
