/** Runs long work step by step, and lets a Ctrl-C in between the steps. */
import type { Steps } from '../../../capture/kdump/steps.ts';

/** @throws the signal's reason when it is aborted. */
export async function runSteps<T>(steps: Steps<T>, signal: AbortSignal): Promise<T> {
  try {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await nextTurn();
      signal.throwIfAborted();
    }
  } finally {
    steps.return(undefined as T);
  }
}

/** Of the event loop. (`node:timers/promises` would be read at the start for this one function.) */
function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
