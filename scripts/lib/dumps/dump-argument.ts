/** Which of a verb's arguments is the dump, where the other ones are tasks, symbols or types of the crashed kernel. */
import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { attempt } from '../../../capture/errors.ts';
import { UsageError } from '../cli/command.ts';
import type { Host } from '../host/host.ts';
import { dumpInDirectory } from './dump.ts';
import { readDumpHead } from './dump-file.ts';
import { LAYOUTS, UNKNOWN_PROGRAM } from './layouts.ts';

export interface SplitArguments {
  /** As `findDump` takes it; undefined for the last one. */
  readonly dump: string | undefined;
  /** The other arguments. */
  readonly words: readonly string[];
}

export interface DumpArguments {
  /** The value of `--dump`. With it, a word that only happens to be the name of a dump stays a word. */
  readonly dump: string | undefined;
  readonly positionals: readonly string[];
}

/** A slash alone does not make a path: `kworker/0:1` and `swapper/0` are tasks. */
const PATH = /^(\/|\.\.?(\/|$))/;
/** Of an ID of kdumpling. A PID has seven digits at most, and an address of a kernel sixteen. */
const BEGINNING_OF_ID = /^20\d{6}(T\d{0,6}Z?)?$/;
/** What users of crash have beside the dump. */
const VMLINUX = /(^|\/)vmlinu[xz][^/]*$/;

/** @throws UsageError for more than one dump. */
export function splitArguments(host: Host, given: DumpArguments): SplitArguments {
  const isDump = (word: string) => PATH.test(word) || (given.dump === undefined && isNameOfDump(host, word));
  return {
    dump: onlyDump({ ...given, positionals: given.positionals.filter(isDump) }),
    words: given.positionals.filter(word => !isDump(word)),
  };
}

/** For a verb without other arguments. @throws UsageError for more than one dump. */
export function onlyDump({ dump, positionals }: DumpArguments): string | undefined {
  const dumps = [...(dump === undefined ? [] : [dump]), ...positionals];
  if (dumps.length <= 1) return dumps[0];
  throw new UsageError('USAGE', {
    action: 'choose the dump',
    actual: `${dumps.length} are given: ${dumps.join(', ')}`,
    wanted: 'one',
    ...(dumps.some(word => VMLINUX.test(word)) && { toDo: 'Leave out vmlinux: the dump is enough' }),
  });
}

/** The ID of a dump, by its form, or the name of a file or a directory below the working directory. */
function isNameOfDump(host: Host, word: string): boolean {
  if (BEGINNING_OF_ID.test(word) || hasFormOfId(word)) return true;
  return host.root === '/' && (attempt(() => isDumpHere(host, word)) ?? false);
}

function hasFormOfId(word: string): boolean {
  return LAYOUTS.some(({ madeBy, directory }) => madeBy !== UNKNOWN_PROGRAM && directory.test(word));
}

/** @throws what Node's calls throw for a file that is not there or cannot be read. */
function isDumpHere(host: Host, word: string): boolean {
  const status = statSync(word);
  if (status.isDirectory()) return dumpInDirectory(host, resolve(word), () => true) !== undefined;
  if (!status.isFile()) return false;
  return VMLINUX.test(word) || readDumpHead(realpathSync(word)).format !== undefined;
}
