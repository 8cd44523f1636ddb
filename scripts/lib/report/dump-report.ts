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
  const warnings: string[] = [];
  return reportFrom(
    host,
    dump,
    kernelLogText(host, dump, text => warnings.push(text)),
    warnings,
  );
}

/** With all that the dump's memory says. */
export function reportWithAutopsy(host: Host, dump: Dump): ReportedCrash {
  const warnings: string[] = [];
  const log = kernelLogText(host, dump, text => warnings.push(text));
  return { report: reportFrom(host, dump, log, warnings), autopsy: readAutopsy(host, dump, log) };
}

function reportFrom(host: Host, dump: Dump, log: string, warnings: readonly string[]): CrashReport {
  const { directory, dumpFile, manifest } = dump;
  const name = crashedName(manifest, dumpFile && host.path(join(directory, dumpFile)));
  return reportOf({ ...dump, warnings }, log, name);
}
