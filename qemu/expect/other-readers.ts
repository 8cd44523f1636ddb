/** A complete dump is opened by a program that is not ours: the one that reads kernel logs, or libkdumpfile. */

import { readDumpMap } from '../judges/dump-map.ts';
import { compareLogs } from '../judges/makedumpfile.ts';
import { readablePages } from '../judges/readable.ts';
import type { Check, Judges } from './check.ts';

/** Debian builds makedumpfile without it. */
const UNKNOWN_TO_MAKEDUMPFILE = 'snappy';
/** Of the pages in the dump. */
const SAMPLE = 1000;

export interface OpenedDump {
  readonly vmcore: string;
  /** The kernel log that the capture saved. */
  readonly log: string;
  readonly codec: string | undefined;
}

export function readByOthers(judges: Judges, { vmcore, log, codec }: OpenedDump): Promise<Check> {
  return codec === UNKNOWN_TO_MAKEDUMPFILE
    ? pagesCanBeRead(judges, vmcore)
    : logIsTheSame(judges, vmcore, log);
}

async function logIsTheSame({ log: judge }: Judges, vmcore: string, ours: string): Promise<Check> {
  const differences = compareLogs(await judge.read(vmcore), ours);
  const some = differences.slice(0, 3).map(({ side, line }) => `${side}: ${line}`);
  return {
    what: `${judge.name} reads the same kernel log`,
    holds: differences.length === 0,
    saw: some.join(' | ') || `${ours.split('\n').length - 1} lines, none different`,
  };
}

async function pagesCanBeRead(judges: Judges, vmcore: string): Promise<Check> {
  const { maxMapnr, has } = readDumpMap(vmcore);
  const pfns = Array.from({ length: maxMapnr }, (_, pfn) => pfn).filter(has);
  const sample = pfns.filter((_, at) => at % Math.ceil(pfns.length / SAMPLE) === 0);
  const readable = await readablePages(await judges.tool('libkdumpfile'), vmcore, sample);
  return {
    what: 'libkdumpfile reads its pages',
    holds: sample.length > 100 && readable.size === sample.length,
    saw: `${readable.size} of ${sample.length} pages tried`,
  };
}
