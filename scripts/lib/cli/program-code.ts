/** A program of one file, compiled with the help of V8's code cache beside it. */
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';

/** The host command in dist/: an ASCII text that is one function expression. */
export const PROGRAM_FILE = 'kdumpling-program.js';

/** What stands before and after the bundle. */
export const PROGRAM_WRAPPER = ['(function (require) {', '\n})'] as const;

export interface ProgramCode {
  /** Whether V8 accepted the cache. */
  readonly cached: boolean;
  run(require: NodeJS.Require): void;
  /** Holds all functions that were called so far. */
  createCache(): Uint8Array;
}

export function compileProgram(path: string, source: string): ProgramCode {
  const cachedData = readIfPresent(`${path}.cache`);
  const script = new Script(source, { filename: path, cachedData });
  return {
    cached: cachedData !== undefined && script.cachedDataRejected === false,
    run: require => (script.runInThisContext() as (require: NodeJS.Require) => void)(require),
    createCache: () => script.createCachedData(),
  };
}

function readIfPresent(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
