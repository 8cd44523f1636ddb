/**
 * A fleet that crashes: the lab's real logs, each on many machines, kernels and days, reported by our own `report` and
 * kept under the names that an upload gives them.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PROJECT } from '../../build/paths.ts';
import { type CrashReport, reportOf } from '../../scripts/lib/report/crash-report.ts';
import { hiveName, tableRow } from '../../scripts/lib/upload/hive-name.ts';
import { manifestOf } from '../support/manifest.ts';
import { Random } from '../support/random.ts';

export interface FleetCrash {
  /** The name of the log. */
  readonly log: string;
  /** Undefined for a machine without a name. */
  readonly host: string | undefined;
  readonly kernel: string;
  readonly time: Date;
  /** The clock had not been set: `time` is when the file was written. */
  readonly isUnset: boolean;
}

/** In the order of their roll-outs, each 28 days after the one before. */
export const KERNELS = ['6.1.0-53-amd64', '6.1.0-56-amd64', '6.12.117+deb12-amd64'] as const;
const DAY_MS = 86_400_000;
const ROLL_OUT_DAYS = 28;
const FIRST_DAY_MS = Date.parse('2026-06-01T00:00:00Z');
const MACHINES = 800;
/** Names that a machine of somebody else's could have. */
export const ODD_HOSTS = ['.hidden', '_private', '../../etc/passwd', 'a b?c=d&e#f', 'ü–machine', "'; DROP"];

const LOGS = new Map(
  globSync('test/unit/scripts/report/logs/*.txt', { cwd: PROJECT })
    .sort()
    .map(file => [basename(file, '.txt'), readFileSync(join(PROJECT, file), 'latin1')] as const),
);

/** The logs that only this kernel of KERNELS and later ones crash with; the others are of all. */
export const BROUGHT: Readonly<Record<string, number>> = {
  '6.1-refcount': 1,
  '6.1-list-corruption': 1,
  '6.1-soft-lockup': 2,
  '6.1-null-in-timer': 2,
};

/** The same fleet for the same number. */
export function fleetCrashes(count: number): FleetCrash[] {
  const random = new Random(17);
  const names = [...LOGS.keys()];
  return Array.from({ length: count }, (_, index) => {
    const kernelIndex = random.below(KERNELS.length);
    const known = names.filter(name => (BROUGHT[name] ?? 0) <= kernelIndex);
    // Each log on each kernel once, whatever the dice say; the first crash of a kernel is its roll-out.
    const log = known[random.below(known.length)]!;
    const days = ROLL_OUT_DAYS * kernelIndex + 1 + random.below(ROLL_OUT_DAYS * 3);
    const number = random.below(MACHINES);
    return {
      log: index < KERNELS.length ? '6.1-sysrq' : log,
      host:
        number === 0
          ? undefined
          : number <= ODD_HOSTS.length
            ? ODD_HOSTS[number - 1]
            : `node-${String(number).padStart(4, '0')}.example`,
      kernel: index < KERNELS.length ? KERNELS[index]! : KERNELS[kernelIndex]!,
      time:
        index < KERNELS.length
          ? new Date(FIRST_DAY_MS + ROLL_OUT_DAYS * index * DAY_MS)
          : new Date(FIRST_DAY_MS + days * DAY_MS + random.below(86_400) * 1000),
      isUnset: index >= KERNELS.length && random.below(50) === 0,
    };
  });
}

export function reportOfCrash({ log, host, kernel, time, isUnset }: FleetCrash): CrashReport {
  const stamp = time.toISOString().replace(/[-:]|\.\d+/g, '');
  // As a capture that found no panic line: what crashed is in the log alone.
  const manifest = manifestOf(time.toISOString(), {
    kernel: { release: kernel, version: '#1 SMP Debian' },
    crash: {},
  });
  const dump = {
    id: stamp,
    directory: `/var/crash/${stamp}`,
    state: 'complete',
    time,
    timeBy: isUnset ? ('unset clock' as const) : ('clock' as const),
    manifest,
    files: [],
  };
  return reportOf(dump, LOGS.get(log)!, host);
}

/** Writes the reports as a store would hold them. */
export function writeFleet(directory: string, crashes: readonly FleetCrash[]): void {
  for (const crash of crashes) {
    const report = reportOfCrash(crash);
    const path = join(directory, ...hiveName(report));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, tableRow(report), { flag: 'wx' });
  }
}
