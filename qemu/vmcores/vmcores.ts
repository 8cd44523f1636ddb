/** Prepared raw vmcores: copies of /proc/vmcore from real crashes, kept in the cache with a record of their contents. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cache } from '../../build/cache.ts';
import { HOST_ARCHITECTURE } from '../../build/fetch/apt.ts';
import type { Flavour, KernelChoice, Series } from '../../build/fetch/kernel-origins.ts';
import { oneOf } from '../../scripts/lib/cli/command.ts';

/** The CPU decides how many levels page tables have: 5 where it can (QEMU's `max`), 4 where that is turned off. */
export interface VmcoreChoice extends KernelChoice {
  readonly architecture: string;
  readonly levels: 4 | 5;
}

/** `filled` with each kind of page, for the tests; `used` as a server is, for measurements. */
export type MachineKind = 'filled' | 'used';

export interface VmcoreRecord {
  readonly series: Series;
  readonly flavour: Flavour;
  /** Missing in old records, which are of this machine's. */
  readonly architecture?: string;
  /** Missing in old records, which are of 5 levels. */
  readonly levels?: 4 | 5;
  readonly release: string;
  readonly packageVersion: string;
  /** Path of the kernel's debug symbols, relative to the cache. */
  readonly vmlinux: string;
  readonly sizeBytes: number;
  /** What the guest filled its memory with, by kind. For a kind that it could not make the text begins with "refused". */
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

const FOUR_LEVELS = '4level';
const FOREIGN = ['arm64'];

/** `6.1`, `6.1-generic`, `6.1-generic-4level`, `6.12-cloud-arm64`, `6.12-cloud-arm64-4level`. @throws UsageError */
export function readVmcoreChoice(text: string): VmcoreChoice {
  const [series, flavour = 'cloud', ...variants] = text.split('-');
  for (const variant of variants) oneOf('kernel', variant, [FOUR_LEVELS, ...FOREIGN]);
  return {
    series: oneOf('kernel', series, ['5.10', '6.1', '6.12', '7.x']),
    flavour: oneOf('kernel', flavour, ['cloud', 'generic']),
    architecture: variants.find(variant => FOREIGN.includes(variant)) ?? HOST_ARCHITECTURE,
    levels: variants.includes(FOUR_LEVELS) ? 4 : 5,
  };
}

export function isOfChoice({ record }: PreparedVmcore, choice: VmcoreChoice): boolean {
  const { series, flavour, levels = 5, architecture = HOST_ARCHITECTURE } = record;
  const isSameKernel = series === choice.series && flavour === choice.flavour;
  return isSameKernel && levels === choice.levels && architecture === choice.architecture;
}

/** The name of its directory in the cache. */
export function vmcoreName(release: string, levels: 4 | 5): string {
  return levels === 4 ? `${release}-${FOUR_LEVELS}` : release;
}

const FOLDERS: Readonly<Record<MachineKind, string>> = { filled: 'vmcores', used: 'used-vmcores' };

export function vmcoreDir(cache: Cache, kind: MachineKind, name: string): string {
  return join(cache.dir, FOLDERS[kind], name);
}

/** The prepared vmcores, the oldest kernel first. */
export function preparedVmcores(cache: Cache, kind: MachineKind = 'filled'): PreparedVmcore[] {
  const dir = join(cache.dir, FOLDERS[kind]);
  const names = existsSync(dir) ? readdirSync(dir) : [];
  return names
    .map(name => openPrepared(cache, kind, name))
    .filter(prepared => prepared !== undefined)
    .sort((a, b) => a.record.release.localeCompare(b.record.release, 'en', { numeric: true }));
}

export function openPrepared(cache: Cache, kind: MachineKind, name: string): PreparedVmcore | undefined {
  const dir = vmcoreDir(cache, kind, name);
  const path = join(dir, 'record.json');
  if (/\.(?:partial|old)$/.test(name) || !existsSync(path)) return undefined;
  const record = JSON.parse(readFileSync(path, 'utf8')) as VmcoreRecord;
  return { record, vmcore: join(dir, 'vmcore'), vmlinux: join(cache.dir, record.vmlinux) };
}
