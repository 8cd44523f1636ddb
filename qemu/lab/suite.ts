/** Several crashes, some at once, each with its verdict. */
import { describeError } from '../../capture/errors.ts';
import { FAULTS } from '../faults/all.ts';
import { LostMachine } from '../machine/machine.ts';
import { crashWith, type Verdict } from './crash.ts';
import { type Lab, withKernel } from './lab.ts';
import type { Cell } from './matrix.ts';
import { debianKernelNamed, geometryOf, triggerOf } from './options.ts';

export interface CellResult {
  readonly cell: Cell;
  readonly title: string;
  readonly verdict: 'passed' | 'failed' | 'lost';
  /** The checks that do not hold with what was seen, or why the machine was lost. */
  readonly reasons: readonly string[];
  /** The run's; undefined where it did not come so far. */
  readonly directory?: string;
  readonly seconds: number;
}

export interface SuiteEvents {
  readonly signal: AbortSignal;
  readonly onStart?: (cell: Cell, lab: Lab) => void;
  readonly onConsoleLine?: (text: string) => void;
  readonly onVerdict?: (lab: Lab, verdict: Verdict) => void;
  readonly onResult: (result: CellResult, error?: unknown) => void;
}

/** @param atOnce machines that run side by side. Throws when interrupted; all machines have ended then. */
export async function runCells(
  lab: Lab,
  cells: readonly { readonly cell: Cell; readonly title: string }[],
  atOnce: number,
  events: SuiteEvents,
): Promise<CellResult[]> {
  const results: CellResult[] = [];
  const left = [...cells];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      events.signal.throwIfAborted();
      results.push(await runCell(lab, next, events));
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: atOnce }, work));
  const failure = workers.find(worker => worker.status === 'rejected');
  if (failure) throw failure.reason;
  return results;
}

async function runCell(
  lab: Lab,
  { cell, title }: { readonly cell: Cell; readonly title: string },
  events: SuiteEvents,
): Promise<CellResult> {
  const startedMs = Date.now();
  const seconds = () => (Date.now() - startedMs) / 1000;
  try {
    const own = await labOf(lab, cell);
    events.onStart?.(cell, own);
    const fault = FAULTS.find(({ name }) => name === cell.fault)!;
    const verdict = await crashWith(own, fault, events);
    events.onVerdict?.(own, verdict);
    const reasons = verdict.checks.filter(({ holds }) => !holds).map(({ what, saw }) => `${what}: ${saw}`);
    const { directory } = verdict.run;
    const result = { cell, title, verdict: verdict.verdict, reasons, directory, seconds: seconds() };
    events.onResult(result);
    return result;
  } catch (error) {
    if (events.signal.aborted || !(error instanceof LostMachine)) throw error;
    const { directory } = error;
    const result: CellResult = {
      cell,
      title,
      verdict: 'lost',
      reasons: [describeError(error)],
      directory,
      seconds: seconds(),
    };
    events.onResult(result, error);
    return result;
  }
}

async function labOf(lab: Lab, { kernel, geometry, trigger }: Cell): Promise<Lab> {
  const isOwnTrigger = trigger === lab.choice.trigger.name;
  const choice = {
    ...lab.choice,
    geometry: geometryOf(geometry),
    trigger: isOwnTrigger ? lab.choice.trigger : triggerOf(trigger),
  };
  const changed = { ...lab, choice };
  return kernel === undefined
    ? changed
    : await withKernel(
        { ...changed, choice: { ...choice, kernel: debianKernelNamed(kernel) } },
        debianKernelNamed(kernel),
      );
}
