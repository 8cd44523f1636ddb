/**
 * Long work as a generator: each `next` does a few megabytes of it. The capture kernel runs it straight through; a host
 * command lets its event loop turn in between, since that is when a Ctrl-C arrives.
 */
export type Steps<T> = Generator<unknown, T>;

/** All of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
