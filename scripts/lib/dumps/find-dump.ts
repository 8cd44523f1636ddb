/** The dump that a verb is about: by its ID, the beginning of one, its directory or its file; the last one by default. */
import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { attempt, counted, Failure, TargetError } from '../../../capture/errors.ts';
import { UsageError } from '../cli/command.ts';
import type { Host } from '../host/host.ts';
import { type Dump, dumpInDirectory, fileOnItsOwn } from './dump.ts';
import { hostDumps } from './host-dumps.ts';
import { UNKNOWN_PROGRAM } from './layouts.ts';

/** The code of the error where there is no last dump. */
const NO_DUMPS = 'NO_DUMPS';

/**
 * What has a slash in it or exists is a path, and needs no config, no dump target and no root beyond reading it.
 * @throws UsageError when there is no such dump; TargetError (NO_DUMPS) when there is none at all, or when this machine's
 * dumps cannot be seen.
 */
export function findDump(host: Host, given: string | undefined): Dump {
  const isPath = given?.includes('/') || (host.root === '/' && given !== undefined && existsSync(given));
  if (given !== undefined && isPath) return dumpAtPath(host, given);
  const { dumps, directory } = hostDumps(host);
  if (given !== undefined) return dumpOf(dumps, given);
  const last = dumps.at(-1);
  if (last) return last;
  throw new TargetError(NO_DUMPS, {
    action: 'find the last dump',
    actual: `there are no dumps in ${directory}`,
    toDo: 'name the directory or the file of one',
  });
}

/** For a document, in which no dump is an answer and not a failure. @returns undefined where this machine has no dump. */
export function orNone(find: () => Dump): Dump | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof Failure && error.code === NO_DUMPS) return undefined;
    throw error;
  }
}

/** The one of a verb's arguments. @throws UsageError for more than one. */
export function onlyArgument(verb: string, positionals: readonly string[]): string | undefined {
  if (positionals.length <= 1) return positionals[0];
  throw new UsageError('USAGE', {
    action: `run ${verb}`,
    actual: `it has ${counted(positionals.length, 'argument')}`,
    wanted: 'one dump: its ID, directory or file',
  });
}

/** @param given a dump's ID, or its beginning when no other begins so. @throws UsageError */
export function dumpOf(dumps: readonly Dump[], given: string): Dump {
  const exact = dumps.find(({ id }) => id === given);
  const found = exact ? [exact] : dumps.filter(({ id }) => given !== '' && id.startsWith(given));
  if (found.length === 1) return found[0]!;
  const shown = found.slice(0, MOST_SHOWN).map(({ id }) => id);
  const more = found.length - shown.length;
  throw new UsageError('NO_SUCH_DUMP', {
    action: `find dump "${given}"`,
    actual:
      found.length > 1
        ? `${found.length} dumps begin so: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
        : dumps.length === 0
          ? 'this machine has no dumps'
          : dumps.length === 1
            ? 'the only dump has another ID'
            : `none of ${dumps.length} dumps has that ID`,
    ...(found.length > 1 ? { toDo: 'give more of the ID' } : {}),
    ...(found.length === 0 && dumps.length > 0 && { toDo: `did you mean ${closest(dumps, given)}?` }),
  });
}

const MOST_SHOWN = 5;

/** The user chose the path, so links to the directory are followed and its owner does not matter. In it, no link is. */
function dumpAtPath(host: Host, given: string): Dump {
  const refuse = (actual: string) =>
    new UsageError('NO_DUMP', {
      action: `find a dump in ${given}`,
      actual,
      wanted: 'the directory or the file of a dump',
    });
  const at = onMachine(host, given);
  const path = host.resolve(at);
  if (path === undefined) throw refuse('it does not exist');
  const status = statSync(host.path(path));
  if (status.isDirectory()) {
    const dump = dumpInDirectory(host, path, () => true);
    if (dump) return dump;
    throw refuse('it holds no dump');
  }
  if (!status.isFile()) throw refuse('it is neither a file nor a directory');
  // In a directory of somebody else it may lead to a file that only root can read.
  if (lstatSync(host.entry(at)).isSymbolicLink()) throw refuse(`it is a symbolic link to ${path}`);
  const whole = dumpInDirectory(host, dirname(path), () => true);
  const name = basename(path);
  if (!whole || whole.madeBy === UNKNOWN_PROGRAM) return fileOnItsOwn(host, path);
  if (name === whole.logFile) return whole;
  // The file that was asked for, also where another one would be chosen.
  if (whole.dumpFiles.includes(name))
    return { ...whole, dumpFiles: [name], dumpFile: name, standsInBecause: undefined };
  return fileOnItsOwn(host, path);
}

/** A path of this process that is below the machine's root, or else one of the machine itself. */
function onMachine({ root }: Host, given: string): string {
  const path = resolve(given);
  if (root === '/') return path;
  const real = attempt(() => join(realpathSync(dirname(path)), basename(path))) ?? path;
  return [real, path].find(one => one.startsWith(`${root}/`))?.slice(root.length) ?? path;
}

/** The ID that shares the longest beginning; of several, the newest. */
function closest(dumps: readonly Dump[], given: string): string {
  const shared = (id: string) => {
    let length = 0;
    while (length < given.length && id[length] === given[length]) length++;
    return length;
  };
  return dumps.map(({ id }) => id).reduce((best, id) => (shared(id) >= shared(best) ? id : best));
}
