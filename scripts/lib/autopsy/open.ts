/** How every verb of the autopsy begins: its options, and the dump that they name, opened. */
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { TargetError } from '../../../capture/errors.ts';
import { printable } from '../../../capture/text.ts';
import type { Dump } from '../dumps/dump.ts';
import { findDump } from '../dumps/find-dump.ts';
import { openDumpedKernel } from '../dumps/open-kernel.ts';
import { openGivenHost, ROOT_OPTION } from '../host/given-root.ts';

/** The arguments of these verbs are tasks, symbols and types, so the dump is an option. */
export const AUTOPSY_OPTIONS = {
  dump: {
    value: 'ID|PATH',
    short: 'i',
    help: 'the dump: its ID, directory or file; by default the last one',
  },
  json: { help: 'as JSON; see kdumpling-json(5)' },
  ...ROOT_OPTION,
} as const;

/** What was given for them. */
export interface GivenDump {
  readonly dump: string | undefined;
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

/**
 * Opens the dump for as long as `work` runs. What the dump lacks goes to standard error afterwards.
 * @throws UsageError, TargetError for no such dump; what reading it throws.
 */
export async function withAutopsy<T>(
  given: GivenDump,
  work: (autopsy: Autopsy) => T | Promise<T>,
): Promise<T> {
  const host = openGivenHost(given.root);
  const dump = findDump(host, given.dump);
  if (dump.dumpFile === undefined) {
    throw new TargetError('NO_DUMP_FILE', {
      action: `look into ${dump.id}`,
      actual: 'it has a kernel log and no dump of the memory',
      toDo: `read its report: kdumpling report ${dump.id}`,
    });
  }
  const file = openDumpedKernel(host, dump, `look into ${dump.id}`);
  try {
    const { kernel, note } = file;
    const noted: string[] = note === undefined ? [] : [note];
    const missing = () => [...new Set([...kernel.missing, ...noted])];
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
