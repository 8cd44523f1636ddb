/** Two independent ways to do what the way home depends on: the first that works is taken, the others are its insurance. */
import { describeError, SystemError } from '../errors.ts';

/** One way to do a thing. It throws when it did not. */
export interface Way<Args extends readonly unknown[]> {
  readonly name: string;
  run(...args: Args): void;
}

/**
 * Tries each way in turn. A way that failed is reported, because what works today by its second way only is half broken.
 * @throws SystemError when none worked, with every way's reason.
 */
export function firstThatWorks<Args extends readonly unknown[]>(
  action: string,
  ways: readonly Way<Args>[],
  onFailure: (text: string) => void,
): (...args: Args) => void {
  return (...args) => {
    const failures: string[] = [];
    for (const way of ways) {
      try {
        way.run(...args);
        return;
      } catch (error) {
        const failure = `${way.name}: ${describeError(error)}`;
        failures.push(failure);
        onFailure(`${action} by ${failure}`);
      }
    }
    throw new SystemError('NO_WAY_WORKED', {
      action,
      actual: failures.join(' | ') || 'there is no way to do it',
    });
  };
}
