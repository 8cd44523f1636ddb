/** A file in memory that another process looks for: under its name it is whole. On a disk, see storage/place/durable-file.ts. */
import { renameSync, writeFileSync } from 'node:fs';

/** @throws what Node's calls throw. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const unfinished = `${path}~`;
  writeFileSync(unfinished, content);
  renameSync(unfinished, path);
}
