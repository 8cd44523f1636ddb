/** Runs mutants, each from a number: the same seed and number make the same mutant. */
import { Random } from '../support/random.ts';
import type { Base } from './base.ts';
import { MutantSource } from './mutant-source.ts';
import { mutate } from './mutations.ts';
import { holds, type Outcome } from './property.ts';

export interface Case {
  readonly seed: number;
  readonly index: number;
}

export class Counterexample extends Error {
  readonly case: Case;

  constructor(of: Case, base: Base, labels: readonly string[], cause: unknown) {
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(`seed ${of.seed}, case ${of.index}, of "${base.name}": ${labels.join('; ')}\n${why}`, { cause });
    this.case = of;
  }
}

/** Memory that one mutant may leave behind or take, with what the test itself holds. */
const MOST_HELD_BYTES = 1.5 * 2 ** 30;

/** @throws Counterexample */
export function runCase(bases: readonly Base[], { seed, index }: Case): Outcome {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ index);
  const base = random.pick(bases);
  const mutations = mutate(base, random);
  try {
    const outcome = holds(new MutantSource(base.source, mutations));
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    if (arrayBuffers + heapUsed > MOST_HELD_BYTES)
      throw new Error(`${arrayBuffers + heapUsed} bytes are held`);
    return outcome;
  } catch (error) {
    throw new Counterexample(
      { seed, index },
      base,
      mutations.map(({ label }) => label),
      error,
    );
  }
}
