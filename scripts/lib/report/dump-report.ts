/** The report of a dump: from its memory, its kernel log, its manifest and its files. */
import { join } from 'node:path';
import type { Autopsy } from '../../../capture/autopsy/summary/autopsy.ts';
import type { Dump } from '../dumps/dumps.ts';
import { kernelLogText } from '../dumps/kernel-log.ts';
import type { Host } from '../host/host.ts';
import { type CrashReport, reportOf } from './crash-report.ts';
import { crashedName } from './crashed-name.ts';
import { readAutopsy } from './read-autopsy.ts';

export interface ReportedCrash {
  readonly report: CrashReport;
  readonly autopsy: Autopsy;
}

export function reportDump(host: Host, dump: Dump): CrashReport {
  return read(host, dump, false).report;
}

/** @param withMap for a picture of the memory, which reads the whole memmap. */
export function reportWithAutopsy(host: Host, dump: Dump, withMap: boolean): ReportedCrash {
  return read(host, dump, withMap);
}

function read(host: Host, dump: Dump, withMap: boolean): ReportedCrash {
  const warnings: string[] = [];
  const log = kernelLogText(host, dump, text => warnings.push(text));
  const { directory, dumpFile, manifest } = dump;
  const name = crashedName(manifest, dumpFile && host.entry(join(directory, dumpFile)));
  const { autopsy, from, notes } = readAutopsy(host, dump, log, withMap);
  return {
    report: reportOf({ ...dump, warnings: [...notes, ...warnings], autopsyFrom: from }, log, name, autopsy),
    autopsy,
  };
}
