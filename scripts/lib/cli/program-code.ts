/** A program of one file, compiled with the help of V8's code cache beside it. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Script } from 'node:vm';

/** The host command in dist/: ASCII texts that are one function expression each. */
export const PROGRAM_FILE = 'kdumpling-program.js';
/** `dump` alone, for command lines of PLAIN_DUMP: its start is a tenth of the work on a small vmcore. */
export const DUMP_PROGRAM_FILE = 'kdumpling-dump.js';

/** Files, values, and the flags of `dump` that ask for no more than a dump at a level. All others, also new ones, are left to the whole program. */
const PLAIN_DUMP =
  /^(?:-|[^-].*|-[dlzcpfDv]|-d\d+|--(?:dump-level|lzo|zstd|zlib|snappy|force|num-threads|message-level|show-stats|debug|non-mmap|version)(?:=.*)?)$/s;

/** The name of COS's tool, by which the host command may be called. */
export const KDUMP_HELPER = 'kdump_helper';

/** @param argv as `process.argv`. */
export function programFor([, path = '', verb, ...words]: readonly string[]): string {
  const isPlain = verb === 'dump' && basename(path) !== KDUMP_HELPER && words.every(isPlainDump);
  return isPlain ? DUMP_PROGRAM_FILE : PROGRAM_FILE;
}

function isPlainDump(word: string): boolean {
  return PLAIN_DUMP.test(word);
}

/** What stands before and after the bundle. */
export const PROGRAM_WRAPPER = ['(function (require) {', '\n})'] as const;

export interface ProgramCode {
  /** Whether V8 accepted the cache. */
  readonly cached: boolean;
  run(require: NodeJS.Require): void;
  /** Holds all functions that were compiled so far: those that were called. */
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
