/** The report of a dump on this machine: reads its log and what files it has. */

import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Dump } from '../dumps/dumps.ts';
import type { Host } from '../host/host.ts';
import { type CrashReport, reportOf } from './crash-report.ts';

const LOGS = ['vmcore-dmesg.txt', 'vmcore-dmesg-incomplete.txt'];

export function reportDump(host: Host, dump: Dump): CrashReport {
  const path = (name: string) => `${dump.directory}/${name}`;
  const log = LOGS.map(name => host.read(path(name))).find(text => text !== undefined);
  const files = host
    .list(dump.directory)
    .map(name => ({ name, bytes: statSync(host.path(path(name))).size }));
  return reportOf({ ...dump, files }, log ?? '', nameOf(host));
}

function nameOf(host: Host): string {
  return host.read('/etc/hostname')?.trim() || hostname();
}
