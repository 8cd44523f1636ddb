/**
 * Whose directories and files count as dumps. A directory of dumps is often one where every user may write (1777, as
 * Ubuntu's /var/crash): what another user put there is neither believed, counted nor removed.
 */
import type { Stats } from 'node:fs';

/** Root's, or those of the user who runs this program: a capture and the host's commands run as root. */
export function isTrusted({ uid }: Stats): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

export function whyIgnored({ uid }: Stats): string {
  return `it belongs to user ${uid}; expected root`;
}
