/** Dumps and most of what arms a machine are root's: without root the answer is a refusal, not half an answer. */
import { SystemError } from '../../../capture/errors.ts';

/** @throws SystemError */
export function requireRoot(action: string): void {
  if (process.getuid?.() === 0) return;
  throw new SystemError('NOT_ROOT', {
    action,
    actual: `this is user ${process.getuid?.()}`,
    wanted: 'root',
  });
}
