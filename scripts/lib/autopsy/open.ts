/** How every verb of the autopsy begins: its options, and the dump that they name, opened. */
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { TargetError } from '../../../capture/errors.ts';
import { printable } from '../../../capture/text.ts';
import type { Dump } from '../dumps/dump.ts';
import { type DumpArguments, onlyDump, splitArguments } from '../dumps/dump-argument.ts';
import { findDump } from '../dumps/find-dump.ts';
import { openDumpedKernel } from '../dumps/open-kernel.ts';
import { openGivenHost, ROOT_OPTION } from '../host/given-root.ts';
import type { Host } from '../host/host.ts';

/** The dump as an argument, in front of the tasks, symbols or types that a verb has as arguments. */
export const DUMP_ARGUMENT = '[ID|DIRECTORY|FILE]';

/** The dump as an option too, for a task or a symbol with the name of a dump. */
export const DUMP_OPTION = {
  value: 'ID|PATH',
  help: 'the dump, which may also be an argument: its ID, directory or file; by default the last one',
} as const;

export const AUTOPSY_OPTIONS = {
  dump: { ...DUMP_OPTION, short: 'i' },
  json: { help: 'as JSON; see kdumpling-json(5)' },
  ...ROOT_OPTION,
} as const;

/** What was given for them. */
export interface GivenDump extends DumpArguments {
  readonly root: string | undefined;
}

/** The `format` of the JSON of every verb of the autopsy. */
export const AUTOPSY_FORMAT = 1;

/** What every JSON of the autopsy begins with; `autopsyDocument` in the schema describes it. */
export interface AutopsyHeader {
  readonly format: typeof AUTOPSY_FORMAT;
  readonly dump: string;
  readonly release: string | null;
  readonly missing: readonly string[];
}

export interface Autopsy {
  readonly kernel: DeadKernel;
  readonly dump: Dump;
  /** Adds to what the dump lacks: a sentence. */
  note(missing: string): void;
  /** To be called last: what is missing is known when the work is done. */
  header(): AutopsyHeader;
}

/** Of a verb that has arguments beside the dump. */
export interface AutopsyOf extends Autopsy {
  /** Tasks, symbols or types, as they were given. */
  readonly words: readonly string[];
}

/**
 * For a verb whose only argument is the dump. Opens it for as long as `work` runs. What the dump lacks goes to standard error
 * afterwards.
 * @throws UsageError, TargetError for no such dump; what reading it throws.
 */
export async function withAutopsy<T>(
  given: GivenDump,
  work: (autopsy: Autopsy) => T | Promise<T>,
): Promise<T> {
  return withDump(openGivenHost(given.root), onlyDump(given), work);
}

/** For a verb that has other arguments too. @throws as `withAutopsy` */
export async function withAutopsyOf<T>(
  given: GivenDump,
  work: (autopsy: AutopsyOf) => T | Promise<T>,
): Promise<T> {
  const host = openGivenHost(given.root);
  const { dump, words } = splitArguments(host, given);
  return withDump(host, dump, autopsy => work({ ...autopsy, words }));
}

async function withDump<T>(
  host: Host,
  given: string | undefined,
  work: (autopsy: Autopsy) => T | Promise<T>,
): Promise<T> {
  const dump = findDump(host, given);
  if (dump.dumpFile === undefined) {
    throw new TargetError('NO_DUMP_FILE', {
      action: `look into ${dump.id}`,
      actual: 'it has a kernel log and no dump of the memory',
      toDo: `read its report: kdumpling report ${dump.id}`,
    });
  }
  const file = openDumpedKernel(host, dump, `look into ${dump.id}`);
  try {
    const { kernel, notes } = file;
    const isCut = notes.length === 0 && dump.state === 'incomplete';
    const ofTheFile = isCut ? [`the dump is incomplete: ${dump.why}`] : notes;
    const noted: string[] = [];
    // What explains the rest comes first.
    const missing = () => [...new Set([...ofTheFile, ...kernel.missing, ...noted])];
    const result = await work({
      kernel,
      dump,
      note: text => void noted.push(text),
      header: () => ({
        format: AUTOPSY_FORMAT,
        dump: dump.id,
        release: kernel.vmcoreinfo.osrelease ?? null,
        missing: missing(),
      }),
    });
    for (const text of missing()) console.error(printable(`warning: ${text}`));
    return result;
  } finally {
    file.close();
  }
}
