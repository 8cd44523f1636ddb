/** Runs mutants in a separate thread, so that one that hangs can be reported and ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { bases } from './bases.ts';
import { type Case, Counterexample, runCase } from './cases.ts';

export interface FuzzWork {
  readonly seed: number;
  readonly firstIndex: number;
  readonly endMs: number;
  /** Real vmcores, besides those that are built. */
  readonly vmcores: readonly string[];
}

/** `began`: this case runs now. The two others end the work. */
export type FuzzMessage =
  | { readonly kind: 'began'; readonly case: Case; readonly counts: FuzzCounts }
  | { readonly kind: 'failed'; readonly case: Case; readonly text: string; readonly counts: FuzzCounts }
  | { readonly kind: 'done'; readonly counts: FuzzCounts };

export interface FuzzCounts {
  dump: number;
  refused: number;
}

const work = workerData as FuzzWork;
const counts: FuzzCounts = { dump: 0, refused: 0 };
const tell = (message: FuzzMessage) => parentPort!.postMessage(message);

try {
  const all = bases(work.vmcores);
  for (let index = work.firstIndex; index === work.firstIndex || Date.now() < work.endMs; index++) {
    tell({ kind: 'began', case: { seed: work.seed, index }, counts });
    counts[runCase(all, { seed: work.seed, index })]++;
  }
  tell({ kind: 'done', counts });
} catch (error) {
  if (!(error instanceof Counterexample)) throw error;
  tell({ kind: 'failed', case: error.case, text: error.message, counts });
}
