/** What a directory holds, made durable: a new name, or one that is gone. */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** @throws what the system refuses. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
