/**
 * Run by a test in a mount namespace of its own: makes mounts, then writes a dump as a capture would, and looks for it as
 * the host does. Arguments: a JSON `Scenario`. Prints a JSON `Probe`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { parseTargetSpec } from '../../capture/options/target-spec.ts';
import { captureMountOptions } from '../../capture/storage/device/mount-options.ts';
import { settingsOf } from '../../scripts/lib/config/config.ts';
import { openHost } from '../../scripts/lib/host/host.ts';
import { captureFallbacks, dumpDirectories, hostTarget } from '../../scripts/lib/storage/host-target.ts';

export interface Scenario {
  /** mount(8)'s arguments, in order; directories are made. */
  readonly mounts: readonly (readonly string[])[];
  readonly config: string;
  /** Where the capture's view is mounted, outside of all others. */
  readonly captureRoot: string;
  /** Which place takes the dump: 0 the target, 1 its first fallback. */
  readonly place: number;
}

export interface Probe {
  readonly path: string;
  readonly location: string;
  /** Where the host looks. */
  readonly directories: readonly string[];
  /** In which of them it finds what the capture wrote. */
  readonly found: readonly string[];
}

const { mounts, config, captureRoot, place }: Scenario = JSON.parse(process.argv[2]!);
for (const args of mounts) {
  mkdirSync(args.at(-1)!, { recursive: true });
  execFileSync('mount', args);
}
const host = openHost();
const settings = settingsOf(config, 'kdump.conf');
const target = hostTarget(host, settings);
const directories = dumpDirectories(host, settings);

const fallback = captureFallbacks(settings.options.fallbackTargets ?? []).map(text => parseTargetSpec(text)!)[
  place - 1
];
const fstype = fallback?.kind === 'file system' ? fallback.fstype : target.fstype;
const device = fallback
  ? execFileSync('blkid', ['-U', fallback.device.slice('UUID='.length)], { encoding: 'utf8' }).trim()
  : target.device!;
const wished = fallback?.kind === 'file system' ? fallback.mountOptions : target.mountOptions;
const { options } = captureMountOptions(fstype, wished);
mkdirSync(captureRoot, { recursive: true });
execFileSync('mount', ['-t', fstype, '-o', options.join(','), device, captureRoot]);
mkdirSync(`${captureRoot}${target.path}`, { recursive: true });
writeFileSync(`${captureRoot}${target.path}/dump`, 'written by the capture');
execFileSync('umount', [captureRoot]);

const probe: Probe = {
  path: target.path,
  location: target.location.kind,
  directories,
  found: directories.filter(directory => existsSync(`${directory}/dump`)),
};
console.log(JSON.stringify(probe));
