/** Runs long work step by step and notices Ctrl-C between steps. */
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

/** The next turn of the event loop. (`node:timers/promises` would be loaded at start for this one function.) */
function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
