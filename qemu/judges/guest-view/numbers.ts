/** Numbers that the guest read just before the crash against those of the dump. Which may have moved, and how far, is given. */
import type { Numbers } from './tables.ts';
import type { Agreement } from './view.ts';

/** How far a number may have moved between the guest's look and the crash. */
export interface Allowance {
  /** What is known to have been added to it, below 0 for what was taken; in its own unit. */
  readonly known?: number;
  /** How far it may be from there, in its own unit. */
  readonly most: number;
}

/** Undefined for a number that must be equal. */
export type Allow = (name: string) => Allowance | undefined;

/** @param leftOut those that the dump's numbers need not have. */
export function compareNumbers(
  guests: Numbers,
  ours: Numbers,
  allow: Allow,
  leftOut: RegExp = /^$/,
): Agreement {
  const differences: string[] = [];
  const notes: string[] = [];
  let compared = 0;
  for (const [name, value] of Object.entries(guests)) {
    if (leftOut.test(name)) continue;
    compared++;
    const dumped = ours[name];
    const { known = 0, most } = allow(name) ?? { most: 0 };
    const expected = value + known;
    if (dumped === undefined || !(Math.abs(dumped - expected) <= most)) {
      const moved = known === 0 ? '' : `, and ${expected} when it crashed`;
      differences.push(`${name}: the guest had ${value}${moved}, the dump has ${dumped ?? 'none'}`);
    } else if (dumped !== value) notes.push(`${name} ${signed(dumped - value)}`);
  }
  const extra = Object.keys(ours).filter(name => !(name in guests));
  return {
    compared,
    differences: [...differences, ...extra.map(name => `${name}: the guest had none`)],
    notes,
  };
}

function signed(number: number): string {
  return number > 0 ? `+${number}` : `−${-number}`;
}
