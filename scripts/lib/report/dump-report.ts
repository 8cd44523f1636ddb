/** The report of a dump: from its kernel log, its manifest and its files. */
import { join } from 'node:path';
import type { Dump } from '../dumps/dumps.ts';
import { kernelLogText } from '../dumps/kernel-log.ts';
import type { Host } from '../host/host.ts';
import { type CrashReport, reportOf } from './crash-report.ts';
import { crashedName } from './crashed-name.ts';

export function reportDump(host: Host, dump: Dump): CrashReport {
  const { directory, dumpFile, manifest } = dump;
  const warnings: string[] = [];
  const log = kernelLogText(host, dump, text => warnings.push(text));
  const name = crashedName(manifest, dumpFile && host.path(join(directory, dumpFile)));
  return reportOf({ ...dump, warnings }, log, name);
}
