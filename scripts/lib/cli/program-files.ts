/** The programs of the host command, and which of them a command line is for. */
import { basename } from 'node:path';

/** The host command in dist/. */
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
