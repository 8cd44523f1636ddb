/** Verbs that change the machine say so at once when they may not. */
import { SystemError } from '../capture/errors.ts';

/** @throws SystemError */
export function requireRoot(action: string): void {
  if (process.getuid?.() === 0) return;
  throw new SystemError('NOT_ROOT', {
    action,
    actual: `this is user ${process.getuid?.()}`,
    wanted: 'root',
  });
}
