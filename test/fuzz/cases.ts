/** Runs cases, each from a number: the same kind, seed and number make the same case. */
import { crc32 } from 'node:zlib';
import { Random } from '../support/random.ts';
import type { Attacker, Outcome } from './kind.ts';

export interface Case {
  readonly kind: string;
  readonly seed: number;
  readonly index: number;
}

export class Counterexample extends Error {
  readonly case: Case;

  constructor(of: Case, labels: readonly string[], cause: unknown) {
    super(`${labels.join('; ')}\n${reasonOf(cause)}`, { cause });
    this.case = of;
  }
}

/** @throws Counterexample */
export async function runCase(attack: Attacker, of: Case): Promise<Outcome> {
  const random = new Random(
    Math.imul(of.seed, 0x9e3779b1) ^ Math.imul(of.index, 0x85ebca6b) ^ crc32(of.kind),
  );
  const { labels, run } = attack(random);
  try {
    const outcome = await run();
    if ('polluted' in {}) throw new Error('Object.prototype was changed');
    return outcome;
  } catch (error) {
    delete (Object.prototype as { polluted?: unknown }).polluted;
    throw new Counterexample(of, labels, error);
  }
}

/** One position of a run: kinds take turns by their shares. */
export function caseAt(
  kinds: readonly { readonly name: string; readonly share: number }[],
  seed: number,
  position: number,
): Case {
  const perRound = kinds.reduce((sum, { share }) => sum + share, 0);
  const round = Math.floor(position / perRound);
  let within = position % perRound;
  const { name, share } = kinds.find(kind => {
    if (within < kind.share) return true;
    within -= kind.share;
    return false;
  })!;
  return { kind: name, seed, index: round * share + within };
}

/** The command that runs a case again. */
export function commandFor({ kind, seed, index }: Case): string {
  return `npm run fuzz -- --kind ${kind} --seed ${seed} --case ${index}`;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
