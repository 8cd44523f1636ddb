/** Prepared raw vmcores: copies of /proc/vmcore of real crashes, kept in the cache with a record of what is in them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cache } from './cache.ts';
import type { Flavour, Series } from './packages/kernel-origins.ts';

export interface VmcoreRecord {
  readonly series: Series;
  readonly flavour: Flavour;
  readonly release: string;
  readonly packageVersion: string;
  /** Of the kernel's own symbols, below the cache's folder. */
  readonly vmlinux: string;
  readonly sizeBytes: number;
  /** What the guest says it filled its memory with, by kind; a kind that it could not make begins with "refused". */
  readonly filled: Readonly<Record<string, string>>;
  /** QEMU's command line. */
  readonly machine: string;
  readonly madeAt: string;
}

export interface PreparedVmcore {
  readonly record: VmcoreRecord;
  readonly vmcore: string;
  readonly vmlinux: string;
}

export function vmcoreDir(cache: Cache, release: string): string {
  return join(cache.dir, 'vmcores', release);
}

/** Those that `npm run vmcores` has made, the oldest kernel first. */
export function preparedVmcores(cache: Cache): PreparedVmcore[] {
  const dir = join(cache.dir, 'vmcores');
  const releases = existsSync(dir) ? readdirSync(dir) : [];
  return releases
    .map(release => openPrepared(cache, release))
    .filter(prepared => prepared !== undefined)
    .sort((a, b) => a.record.release.localeCompare(b.record.release, 'en', { numeric: true }));
}

export function openPrepared(cache: Cache, release: string): PreparedVmcore | undefined {
  const dir = vmcoreDir(cache, release);
  const path = join(dir, 'record.json');
  if (/\.(?:partial|old)$/.test(release) || !existsSync(path)) return undefined;
  const record = JSON.parse(readFileSync(path, 'utf8')) as VmcoreRecord;
  return { record, vmcore: join(dir, 'vmcore'), vmlinux: join(cache.dir, record.vmlinux) };
}
