/** Dumps as lines for people, a line each in aligned columns, and as data for programs. */
import { printable } from '../../../capture/text.ts';
import { describeSize } from '../cli/sizes.ts';
import { tableLines, terminalColumns } from '../cli/table.ts';
import type { Dump, FoundDumps, IgnoredDump } from './dumps.ts';

export const LIST_FORMAT = 1;
export const INFO_FORMAT = 1;

/** What another program made has its name at the end of the line. @param indent blanks before each line */
export function dumpLines(dumps: readonly Dump[], indent = 0): string[] {
  const rows = dumps.map(dump => {
    const { id, state, manifest, why, isOurs, madeBy } = dump;
    const texts = [
      state === 'complete' ? undefined : why,
      manifest?.crash.reason,
      state !== 'complete' && manifest?.autopsy?.state === 'saved' ? 'with stacks' : undefined,
      isOurs || manifest ? undefined : `(by ${madeBy})`,
    ];
    return [id, state, describeSize(dump), texts.filter(Boolean).join('; ')].map(printable);
  });
  return tableLines(rows, { indent, columns: terminalColumns() });
}

export function ignoredLines(ignored: readonly IgnoredDump[]): string[] {
  return ignored.map(({ directory, why }) => printable(`ignored: ${directory}: ${why}`));
}

/** The document of `kdumpling list --json`. */
export function listData({ dumps, ignored }: FoundDumps): unknown {
  return { format: LIST_FORMAT, dumps: dumps.map(dumpData), ignored };
}

/** The document of `kdumpling info --json`. @param dump undefined where there is none */
export function infoData(dump: Dump | undefined): unknown {
  if (!dump) return { format: INFO_FORMAT, dump: null };
  const { files, dumpFile, standsInBecause, logFile, manifest, manifestDamage } = dump;
  return {
    format: INFO_FORMAT,
    dump: {
      ...(dumpData(dump) as object),
      files,
      dumpFile,
      standsInBecause,
      logFile,
      manifestDamage,
      manifest,
    },
  };
}

export function dumpData(dump: Dump): unknown {
  const { id, directory, state, why, time, timeBy, madeBy, bytes, diskBytes, manifest } = dump;
  return {
    id,
    directory,
    state,
    why,
    time: time.toISOString(),
    timeBy,
    madeBy,
    bytes,
    diskBytes,
    reason: manifest?.crash.reason,
    autopsy: manifest?.autopsy?.state,
    kernel: manifest?.kernel.release,
  };
}
