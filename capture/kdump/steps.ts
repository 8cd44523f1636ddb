/**
 * Long work as a generator: each `next` processes a few megabytes. The capture kernel runs it straight through; a host
 * command runs its event loop between steps, so that Ctrl-C is noticed.
 */
export type Steps<T> = Generator<unknown, T>;

/** Runs all steps at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
