/** A program of one file, an ASCII text that is one function expression, compiled with the help of V8's code cache beside it. */
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';

/** What stands before and after the bundle. */
export const PROGRAM_WRAPPER = ['(function (require) {', '\n})'] as const;

/** Of a program's path, or of its name. */
export function codeCacheOf(path: string): string {
  return `${path}.cache`;
}

export interface ProgramCode {
  /** Whether V8 accepted the cache. */
  readonly cached: boolean;
  run(require: NodeJS.Require): void;
  /** Holds all functions that were compiled so far: those that were called. */
  createCache(): Uint8Array;
}

/** @throws what Node's calls throw, and SyntaxError. */
export function compileProgram(path: string): ProgramCode {
  const cachedData = readIfPresent(codeCacheOf(path));
  // ASCII: a string of one byte for each character takes half the memory.
  const script = new Script(readFileSync(path, 'latin1'), { filename: path, cachedData });
  // Their memory is free at once, and not when V8 next looks for garbage. Those of a small file may have a buffer with others.
  if (cachedData?.length === cachedData?.buffer.byteLength) cachedData?.buffer.transfer(0);
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
