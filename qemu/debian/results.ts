/** What the steps on one disk found. A machine that was lost is another verdict than a check that does not hold. */
import { describeError, Failure } from '../../capture/errors.ts';
import type { Check } from '../expect/check.ts';
import { describeLoss } from '../lab/loss.ts';
import { describeCheck } from '../lab/report.ts';
import { LostMachine } from '../machine/machine.ts';
import type { Capture } from './capture.ts';
import type { Guest } from './machine.ts';
import type { Step } from './steps.ts';
import type { Teller } from './stories.ts';

export interface StepsResult {
  readonly name: string;
  readonly checks: Check[];
  readonly captures: Capture[];
  readonly losses: Loss[];
}

/** A step whose machine was lost: its QEMU crashed, was killed, or took too long. */
export interface Loss extends Pick<Step, 'part' | 'isRepeated'> {
  readonly why: string;
}

const TAIL_LINES = 5;

export function newResult(name: string): StepsResult {
  return { name, checks: [], captures: [], losses: [] };
}

/** What failed in one step would fail in the next, or the next would measure something else; a lost crash leaves the next as it is. */
export function canGoOn({ checks, losses }: StepsResult): boolean {
  return checks.every(({ holds }) => holds) && losses.every(({ isRepeated }) => isRepeated);
}

/** Nothing failed, and some crash came home. */
export function isSound(result: StepsResult): boolean {
  return canGoOn(result) && result.captures.length > 0;
}

/**
 * Runs one step on a machine, and prints each check as it is made.
 * @param onMachine runs the guest from power-on to power-off, as runDebian. @throws its error when `signal` is aborted, and a bug
 */
export async function takeStep(
  step: Step,
  { checks, captures, losses }: StepsResult,
  onMachine: (story: (guest: Guest) => Promise<void>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const check: Teller['check'] = (what, holds, saw) => {
    checks.push({ what, holds, saw });
    console.log(describeCheck({ what, holds, saw }));
  };
  const say: Teller['say'] = line => console.log(`  ${line}`);
  const teller: Teller = { say, check, capture: capture => void captures.push(capture) };
  console.log(`${step.name}: ${step.purpose}`);
  try {
    await onMachine(guest => step.run(guest, teller));
  } catch (error) {
    // The other machines still run.
    if (signal.aborted || !(error instanceof Failure)) throw error;
    if (!(error instanceof LostMachine)) return check('it comes to its end', false, describeError(error));
    losses.push({ part: step.part, isRepeated: step.isRepeated, why: describeError(error) });
    console.log(describeLoss(error, TAIL_LINES));
  }
}
