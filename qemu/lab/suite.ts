/** Several crashes, some at once, each with its verdict. */
import { describeError } from '../../capture/errors.ts';
import { CannotCrash } from '../kernel/lab-kernel.ts';
import { LostMachine } from '../machine/machine.ts';
import type { PlannedCell } from './cell.ts';
import { crashWith, type Verdict } from './crash.ts';
import { crashTwiceAtMost } from './crash-again.ts';
import { type Lab, openLab, withKernel } from './lab.ts';

export interface CellResult {
  readonly cell: PlannedCell['cell'];
  readonly title: string;
  /** As uname -r says it. */
  readonly release: string;
  readonly verdict: 'passed' | 'failed' | 'lost';
  /** The checks that do not hold with what was seen, or why the machine was lost. */
  readonly reasons: readonly string[];
  /** The run's; undefined where it did not come so far. */
  readonly directory?: string;
  readonly seconds: number;
}

export interface SuiteEvents {
  readonly signal: AbortSignal;
  /** Another run of the same matrix may have made the crash meanwhile. */
  readonly isDone?: (cell: PlannedCell) => boolean;
  readonly onStart?: (cell: PlannedCell, lab: Lab) => void;
  readonly onConsoleLine?: (text: string) => void;
  /** The emulation spoilt the crash, and it is made once more. */
  readonly onAgain?: (cell: PlannedCell, why: string) => void;
  readonly onVerdict?: (lab: Lab, verdict: Verdict) => void;
  readonly onResult: (result: CellResult, error?: unknown) => void;
}

/**
 * @param atOnce machines that run side by side. Throws when interrupted; all machines have ended then, and the results
 * of those that came to an end have been given to `onResult`.
 */
export async function runCells(
  lab: Lab,
  cells: readonly PlannedCell[],
  atOnce: number,
  events: SuiteEvents,
  crash = crashWith,
): Promise<CellResult[]> {
  const results: CellResult[] = [];
  const left = [...cells];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      events.signal.throwIfAborted();
      if (events.isDone?.(next)) continue;
      results.push(await runCell(lab, next, events, crash));
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: atOnce }, work));
  const failure = workers.find(worker => worker.status === 'rejected');
  if (failure) throw failure.reason;
  return results;
}

async function runCell(
  lab: Lab,
  planned: PlannedCell,
  events: SuiteEvents,
  crash: typeof crashWith,
): Promise<CellResult> {
  const { cell, title, fault } = planned;
  const startedMs = Date.now();
  const own = await labOf(lab, planned);
  const facts = () => ({
    cell,
    title,
    release: own.kernel.release,
    seconds: (Date.now() - startedMs) / 1000,
  });
  events.onStart?.(planned, own);
  try {
    const verdict = await crashTwiceAtMost(
      own.accel,
      why => events.onAgain?.(planned, why),
      () => crash(own, fault, events, cell),
    );
    events.onVerdict?.(own, verdict);
    const reasons = verdict.checks.filter(({ holds }) => !holds).map(({ what, saw }) => `${what}: ${saw}`);
    const { directory } = verdict.run;
    const result: CellResult = { ...facts(), verdict: verdict.verdict, reasons, directory };
    events.onResult(result);
    return result;
  } catch (error) {
    const isForeseen = error instanceof LostMachine || error instanceof CannotCrash;
    if (events.signal.aborted || !isForeseen) throw error;
    const directory = error instanceof LostMachine ? error.directory : undefined;
    const result: CellResult = { ...facts(), verdict: 'lost', reasons: [describeError(error)], directory };
    events.onResult(result, error);
    return result;
  }
}

async function labOf(lab: Lab, { choice }: PlannedCell): Promise<Lab> {
  // All but the cache belongs to one architecture.
  const isSame = choice.architecture === lab.choice.architecture;
  const changed = isSame ? { ...lab, choice } : await openLab(choice, lab.cache.say);
  return 'path' in choice.kernel ? changed : await withKernel(changed, choice.kernel);
}
