/** Makes the names in a directory durable, added and removed ones. */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** @throws the system's error. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
