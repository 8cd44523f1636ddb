/**
 * Which drivers a block device needs, from what the running kernel knows of it: sysfs, walked from the device down to
 * the bus it hangs on (Linux Documentation/admin-guide/sysfs-rules.rst). What is stacked (dm, md) is walked through.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ModuleError, type ModuleTree } from './modules.ts';

/** A device mapper or RAID device on the way down: it does not exist until somebody sets it up. */
export interface Layer {
  /** As in /dev. */
  readonly device: string;
  readonly kind: 'dm' | 'md';
  /** dm: the beginning of its UUID (LVM, CRYPT, …); md: its level (raid1, …). */
  readonly type: string;
}

export interface DiskNeeds {
  /** Module names, the disk's own before its bus's. */
  readonly drivers: readonly string[];
  /** From the top down; empty for a plain disk or partition. */
  readonly layers: readonly Layer[];
}

/** Of md's levels that are not their module's name (Linux drivers/md). */
const MD_MODULES: Readonly<Record<string, string>> = { raid4: 'raid456', raid5: 'raid456', raid6: 'raid456' };
const DM_MODULES: Readonly<Record<string, string>> = { CRYPT: 'dm_crypt', mpath: 'dm_multipath' };

/**
 * @param name the device's name in /sys/class/block: `vda1`, `nvme0n1p2`, `dm-0`.
 * @param tree of the kernel that will capture, which need not be the running one.
 * @param sysfs another root than /sys, in tests.
 * @throws ModuleError for a device that is not there, or a driver in use that the tree has under no name.
 */
export function diskNeeds(name: string, tree: ModuleTree, sysfs = '/sys'): DiskNeeds {
  const drivers = new Set<string>();
  const layers: Layer[] = [];
  const visited = new Set<string>();
  const visit = (block: string): void => {
    if (visited.has(block)) return;
    visited.add(block);
    const device = deviceDirectory(block, sysfs);
    const layer = readLayer(device);
    if (layer) {
      layers.push(layer);
      for (const driver of driversOfLayer(layer)) drivers.add(driver);
    }
    for (const directory of ancestors(device, sysfs)) {
      for (const driver of driversOf(directory, tree)) drivers.add(driver);
    }
    for (const slave of namesIn(join(device, 'slaves'))) visit(slave);
  };
  visit(name);
  return { drivers: [...drivers], layers };
}

function deviceDirectory(block: string, sysfs: string): string {
  const link = join(sysfs, 'class/block', block);
  if (existsSync(link)) return realpathSync(link);
  throw new ModuleError('NO_DEVICE', {
    action: `find the drivers of /dev/${block}`,
    actual: `there is no ${link}`,
    wanted: 'a block device of this machine',
  });
}

/** The device's own directory and those above it, up to /sys/devices; and for NVMe multipath, its controllers'. */
function* ancestors(device: string, sysfs: string): Generator<string> {
  const top = join(realpathSync(sysfs), 'devices');
  for (let directory = device; directory.startsWith(`${top}/`); directory = dirname(directory)) {
    yield directory;
    if (!/\/nvme-subsys\d+$/.test(directory)) continue;
    for (const controller of namesIn(directory).filter(entry => /^nvme\d+$/.test(entry))) {
      yield* ancestors(realpathSync(join(directory, controller)), sysfs);
    }
  }
}

/**
 * A driver that is bound here must be in the tree. One that is built into the running kernel has no module to name it:
 * what the device's modalias finds in the tree stands for it, and nothing found means built in there too.
 */
function driversOf(directory: string, tree: ModuleTree): string[] {
  const modalias = textOf(join(directory, 'modalias'));
  const byAlias = modalias ? tree.byAlias(modalias) : [];
  const link = join(directory, 'driver/module');
  if (!existsSync(link)) return byAlias;
  const inUse = basename(realpathSync(link));
  if (tree.has(inUse)) return [inUse, ...byAlias];
  if (byAlias.length > 0) return byAlias;
  throw new ModuleError(
    'MODULE_MISSING',
    {
      action: `include the module ${inUse}`,
      actual: 'this kernel has none of that name, and none that claims the device',
      wanted: 'a driver for the dump target’s disk in the kernel that captures',
    },
    { device: directory },
  );
}

function readLayer(device: string): Layer | undefined {
  const uuid = textOf(join(device, 'dm/uuid'));
  if (existsSync(join(device, 'dm'))) {
    // A partition on a dm device is `part1-` before the uuid below it.
    const type = (uuid ?? '').replace(/^part\d+-/, '').split('-')[0];
    return { device: `/dev/${basename(device)}`, kind: 'dm', type };
  }
  const level = textOf(join(device, 'md/level'));
  return level ? { device: `/dev/${basename(device)}`, kind: 'md', type: level } : undefined;
}

function driversOfLayer({ kind, type }: Layer): string[] {
  if (kind === 'md') return ['md_mod', MD_MODULES[type] ?? type];
  return Object.hasOwn(DM_MODULES, type) ? ['dm_mod', DM_MODULES[type]] : ['dm_mod'];
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
