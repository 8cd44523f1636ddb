/** Independent ways to do what a capture depends on: the first that works is taken, the others stand in for it. */
import { describeError, SystemError } from '../errors.ts';

/** One way. It throws when it fails. */
export interface Way<Args extends readonly unknown[]> {
  readonly name: string;
  run(...args: Args): void;
}

/**
 * Tries each way in turn. A way that failed is reported even if another one worked, because it needs to be repaired.
 * @throws SystemError when none worked, with the reason of each.
 */
export function firstThatWorks<Args extends readonly unknown[]>(
  action: string,
  ways: readonly Way<Args>[],
  onFailure: (text: string) => void,
): (...args: Args) => void {
  return (...args) => {
    const failures: string[] = [];
    let cause: unknown;
    for (const way of ways) {
      try {
        way.run(...args);
        return;
      } catch (error) {
        cause ??= error;
        const failure = `${way.name}: ${describeError(error)}`;
        failures.push(failure);
        onFailure(`${action} by ${failure}`);
      }
    }
    // The first way's own error: what it says of the reason decides what is advised.
    throw new SystemError(
      'NO_WAY_WORKED',
      { action, actual: failures.join(' | ') || 'there is no way to do it' },
      {},
      { cause },
    );
  };
}
