/**
 * The layers below a block device and the drivers that they need, from sysfs: walked from the device through what it is
 * stacked on to the root of each disk's bus (Linux Documentation/admin-guide/sysfs-rules.rst).
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import {
  BLOCK_DEVICES,
  BUSES,
  HIDDEN_VOLUMES,
  type LayerKind,
  MAPPED,
  NOTHING_BELOW,
  NVME_TRANSPORTS,
  READ_ONLY,
  REMOVABLE,
  UNKNOWN,
  UNKNOWN_STACK,
} from './layer-kinds.ts';
import { ModuleError, type ModuleTree } from './modules.ts';

/** One layer, from the device on top to the root of the bus. */
export interface Layer {
  /** `/dev/dm-0`, or the disk whose bus it is about. */
  readonly device: string;
  /** Completes "device is …". */
  readonly is: string;
  /** What to do instead, where a capture does not support the layer. */
  readonly refused?: string;
  readonly modules: readonly string[];
  /** For device-mapper devices. */
  readonly mapped?: { readonly name: string; readonly uuid: string; readonly slaves: readonly string[] };
}

/**
 * @param name the device's name in /sys/class/block: `vda1`, `nvme0n1p2`, `dm-0`.
 * @param sysfs replaces /sys.
 * @throws ModuleError for a device that does not exist.
 */
export function layersBelow(name: string, sysfs = '/sys'): Layer[] {
  return devicesBelow(name, sysfs).flatMap(device => layersOf(device, sysfs));
}

/**
 * The modules for everything below a device, the disk's own before its bus's.
 * @param tree of the kernel that will capture, which need not be the running one.
 * @throws ModuleError for a device that does not exist, or a driver in use that the tree lacks.
 */
export function driversBelow(name: string, tree: ModuleTree, sysfs = '/sys'): string[] {
  const devices = devicesBelow(name, sysfs);
  const drivers = devices.flatMap(device => [
    ...layersOf(device, sysfs).flatMap(({ modules }) => modules),
    ...ancestors(device.path, sysfs).flatMap(directory => driversOf(directory, tree)),
  ]);
  return [...new Set(drivers)];
}

interface BlockDevice {
  readonly name: string;
  /** In sysfs, links resolved. */
  readonly path: string;
  readonly slaves: readonly string[];
  /** The disk of a partition. */
  readonly disk?: string;
}

/** The device and all that it is stacked on, each once. */
function devicesBelow(name: string, sysfs: string): BlockDevice[] {
  const found = new Map<string, BlockDevice>();
  const visit = (block: string, path: string) => {
    if (found.has(path)) return;
    const slaves = namesIn(join(path, 'slaves'));
    const disk = dirname(path);
    const isPartition = existsSync(join(path, 'partition')) || isPartOf(block, basename(disk));
    found.set(path, { name: block, path, slaves, disk: isPartition ? disk : undefined });
    for (const slave of slaves) visit(slave, deviceDirectory(slave, sysfs));
    if (isPartition) visit(basename(disk), disk);
  };
  visit(name, deviceDirectory(name, sysfs));
  return [...found.values()];
}

/** `vda1` of `vda`, `nvme0n1p2` of `nvme0n1`; `nvme0n1` is not a partition of the controller `nvme0`. */
function isPartOf(name: string, disk: string): boolean {
  return name.startsWith(disk) && /^p?\d+$/.test(name.slice(disk.length));
}

function layersOf(device: BlockDevice, sysfs: string): Layer[] {
  const { name, path, slaves, disk } = device;
  const layer = ({ is, refused, modules = [] }: LayerKind): Layer => ({
    device: `/dev/${name.replaceAll('!', '/')}`,
    is,
    refused,
    modules,
  });
  const state = stateOf(path).map(layer);
  const mapped = mappedKind(path, slaves);
  if (mapped) return [{ ...layer(mapped.kind), mapped: mapped.facts }, ...state];
  const special = specialKind(device);
  if (special) return [layer(special), ...state];
  return disk ? state : [...state, ...busesOf(path, sysfs).map(layer)];
}

/** What a block device is that is neither a disk nor a partition of one. */
function specialKind({ name, path, slaves }: BlockDevice): LayerKind | undefined {
  if (existsSync(join(path, 'md'))) return UNKNOWN.array(textOf(join(path, 'md/level')) ?? 'unknown');
  const kind = BLOCK_DEVICES.find(({ pattern }) => pattern.test(name));
  return kind ?? (slaves.length > 0 ? UNKNOWN_STACK : undefined);
}

function mappedKind(path: string, slaves: readonly string[]) {
  if (!existsSync(join(path, 'dm'))) return undefined;
  const [name, uuid] = [textOf(join(path, 'dm/name')) ?? '', textOf(join(path, 'dm/uuid')) ?? ''];
  const kind = MAPPED.find(({ pattern }) => pattern.test(uuid)) ?? UNKNOWN.mapped(uuid);
  const hidden = uuid.startsWith('LVM-')
    ? HIDDEN_VOLUMES.find(({ pattern }) => pattern.test(name))
    : undefined;
  return { kind: hidden ?? kind, facts: { name, uuid, slaves } };
}

function stateOf(path: string): LayerKind[] {
  const isSet = (file: string) => textOf(join(path, file)) === '1';
  return [...(isSet('ro') ? [READ_ONLY] : []), ...(isSet('removable') ? [REMOVABLE] : [])];
}

/** What is between a disk and the root of its bus, from the disk up. */
function busesOf(path: string, sysfs: string): LayerKind[] {
  const directories = ancestors(path, sysfs).slice(1);
  const kinds = directories.map(directory => {
    const name = basename(directory);
    const transport = /^nvme\d+$/.test(name) ? textOf(join(directory, 'transport')) : undefined;
    if (transport) return find(NVME_TRANSPORTS, transport);
    // SRP names its remote ports like those of SAS.
    if (existsSync(join(directory, 'srp_remote_ports'))) return UNKNOWN.bus('SRP');
    return find(BUSES, name);
  });
  const isOnNothing = !directories.some(directory => !GROUPING.test(basename(directory)));
  return isOnNothing ? [NOTHING_BELOW] : kinds;
}

const GROUPING = /^(virtual|block|nvme-subsystem|nvme-subsys\d+)$/;

function find(kinds: readonly LayerKind[], text: string): LayerKind {
  return kinds.find(({ pattern }) => pattern.test(text)) ?? UNKNOWN.bus(text);
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
function ancestors(device: string, sysfs: string): string[] {
  const top = join(realpathSync(sysfs), 'devices');
  const found: string[] = [];
  const climb = (from: string) => {
    for (let at = from; !relative(top, at).startsWith('..') && at !== top; at = dirname(at)) {
      found.push(at);
      if (!/^nvme-subsys\d+$/.test(basename(at))) continue;
      const controllers = namesIn(at).filter(entry => /^nvme\d+$/.test(entry));
      for (const controller of controllers) climb(realpathSync(join(at, controller)));
    }
  };
  climb(device);
  return found;
}

/**
 * A driver that is bound here must be in the tree. A driver that is built into the running kernel has no module that
 * names it; the modules that match the device's modalias stand for it, and no match means that it is built in there too.
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
      actual: 'this kernel has none of that name, and none that matches the device',
      wanted: 'a driver for the dump target’s disk in the kernel that captures',
    },
    { device: directory },
  );
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
