/** Dumps belong to root, and only root can arm a machine. Without root, a verb refuses to give half an answer. */
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
