/** One build at a time in dist/. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withFileLock } from './file-lock.ts';
import { DIST } from './paths.ts';

/** Runs `work`, which writes to dist/, after any other build there has ended. @throws what `withFileLock` throws */
export function buildingInDist<T>(say: (line: string) => void, work: () => Promise<T>): Promise<T> {
  mkdirSync(DIST, { recursive: true });
  return withFileLock(join(DIST, 'lock'), say, work);
}
