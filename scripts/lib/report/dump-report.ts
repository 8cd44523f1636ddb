/** The report of a dump on this machine: reads its log and what files it has. */

import { statSync } from 'node:fs';
import type { Dump } from '../dumps/dumps.ts';
import type { Host } from '../host/host.ts';
import { type CrashReport, reportOf } from './crash-report.ts';
import { crashedName } from './crashed-name.ts';

const VMCORES = ['vmcore', 'vmcore-incomplete'];
const LOGS = ['vmcore-dmesg.txt', 'vmcore-dmesg-incomplete.txt'];

export function reportDump(host: Host, dump: Dump): CrashReport {
  const path = (name: string) => `${dump.directory}/${name}`;
  const log = LOGS.map(name => host.read(path(name))).find(text => text !== undefined);
  const files = host
    .list(dump.directory)
    .map(name => ({ name, bytes: statSync(host.path(path(name))).size }));
  const vmcore = VMCORES.find(name => files.some(file => file.name === name));
  const name = crashedName(dump.manifest, vmcore && host.path(path(vmcore)));
  return reportOf({ ...dump, files }, log ?? '', name);
}
