/** Runs long work step by step, and lets a Ctrl-C in between the steps. */
import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../../capture/kdump/steps.ts';

/** @throws the signal's reason when it is aborted. */
export async function runSteps<T>(steps: Steps<T>, signal: AbortSignal): Promise<T> {
  try {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await setImmediate();
      signal.throwIfAborted();
    }
  } finally {
    steps.return(undefined as T);
  }
}
