/** One kind of hostile input: how valid input is made, how it is damaged, what reads it, and what counts as wrong. */
import { Failure } from '../../capture/errors.ts';
import type { Random } from '../support/random.ts';

/**
 * `refused`: with an error that we foresaw. `noticed`: it was read, and the verdict or a warning says what is wrong.
 * `read`: it was accepted, and what was read is right.
 */
export type Outcome = 'refused' | 'noticed' | 'read';

/** One damaged input. */
export interface Attack {
  /** What was done to the valid input. */
  readonly labels: readonly string[];
  /** @throws anything that is no foreseen error, or Wrong: then the case fails. */
  run(): Outcome | Promise<Outcome>;
}

/** Makes a case: the same numbers make the same one. */
export type Attacker = (random: Random) => Attack;

export interface Setting {
  /** Paths of real vmcores; none in short runs. */
  readonly vmcores: readonly string[];
  /** An empty folder for files. */
  readonly folder: string;
}

export interface Kind {
  readonly name: string;
  /** How many of the cases of one round are of this kind. */
  readonly share: number;
  /** A case that takes longer hangs; a minute when left out. */
  readonly hangMs?: number;
  /** Makes the valid inputs. */
  open(setting: Setting): Attacker | Promise<Attacker>;
}

/** The input was handled wrongly: damage was missed, another's file was touched, a text is not printable. */
export class Wrong extends Error {}

/** @throws Wrong */
export function demand(holdsTrue: boolean, text: string): void {
  if (!holdsTrue) throw new Wrong(text);
}

/** `refused` for an error that a command shows in one line: one of ours, or of a system call. @throws all others. */
export async function refusedOr(run: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    requireForeseen(error);
    return 'refused';
  }
}

/** @throws what a command would show with a stack, and an error of ours without the usual form. */
export function requireForeseen(error: unknown): void {
  if (error instanceof Failure) {
    demand(/^Cannot \S/.test(error.message), `not an error of the usual form: ${error.message}`);
    demand(!/\n\s+at /.test(error.message), `an error with a stack in it: ${error.message}`);
    return;
  }
  if (typeof (error as NodeJS.ErrnoException | undefined)?.syscall === 'string') return;
  throw error;
}
