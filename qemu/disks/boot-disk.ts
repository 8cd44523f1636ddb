/** The guest's boot disk: its bus, its layout, and the file system with the guest's files. */
import { rm } from 'node:fs/promises';
import { $ } from 'zx';
import { type BusName, busOf } from './buses.ts';
import {
  checkFileSystem,
  type DiskCheck,
  type FileSystemName,
  fileSystemOf,
  makeSparse,
} from './file-systems.ts';

/** Where the file system is. `gpt`: in the only partition. `lvm`: in a linear logical volume, which the guest creates. */
export const LAYOUTS = ['whole', 'gpt', 'lvm'] as const;
export type Layout = (typeof LAYOUTS)[number];

export interface DiskKind {
  readonly bus: BusName;
  readonly fs: FileSystemName;
  readonly layout: Layout;
}

const LAB_LABEL = 'lab-root';
/** "kdumpling-labprt" in hexadecimal. */
const LAB_PARTITION_UUID = '6b64756d-706c-696e-672d-6c6162707274';
/** Start of the partition, and by lvm's default also of the first extent. */
const START_MIB = 1;
const EXTENT_MIB = 4;
const VOLUME = '/dev/mapper/lab-root';

export interface BootDisk {
  /** Device of the file system in the guest. */
  readonly node: string;
  /** Device of the whole disk. */
  readonly disk: string;
  /** Modules for both. */
  readonly drivers: readonly string[];
}

export function bootDiskOf({ bus: busName, fs, layout }: DiskKind): BootDisk {
  const bus = busOf(busName);
  const disk = bus.node(0);
  const node = { whole: disk, gpt: bus.partition(disk), lvm: VOLUME }[layout];
  const mapper = layout === 'lvm' ? ['dm_mod'] : [];
  return {
    node,
    disk,
    drivers: [...diskDrivers({ bus: busName, layout }), ...mapper, ...fileSystemOf(fs).drivers],
  };
}

/** Modules that a capture image needs besides its file system's. */
export function diskDrivers({ bus, layout }: Pick<DiskKind, 'bus' | 'layout'>): string[] {
  return [...busOf(bus).drivers, ...(layout === 'lvm' ? ['dm_mod'] : [])];
}

/** Makes a sparse image at `path`. */
export async function makeBootDisk(
  path: string,
  sizeMib: number,
  kind: DiskKind,
  uuid: string,
  contents: string,
): Promise<void> {
  const request = { uuid, label: LAB_LABEL, contents };
  if (kind.layout === 'whole') {
    await makeSparse(path, sizeMib);
    await fileSystemOf(kind.fs).make({ ...request, path });
    return;
  }
  // GPT keeps a second copy of its table in the last MiB. A volume ends with an extent.
  const room = sizeMib - START_MIB;
  const fsMib = kind.layout === 'gpt' ? room - 1 : room - (room % EXTENT_MIB);
  const inner = `${path}.inner`;
  await makeSparse(inner, fsMib);
  await fileSystemOf(kind.fs).make({ ...request, path: inner });
  await makeSparse(path, sizeMib);
  await $`dd if=${inner} of=${path} bs=1M seek=${START_MIB} conv=sparse,notrunc status=none`;
  await rm(inner);
  if (kind.layout === 'gpt') {
    const partition = `start=${START_MIB * 2048}, size=${fsMib * 2048}, uuid=${LAB_PARTITION_UUID}, name="lab root"`;
    await $({ input: `label: gpt\n${partition}\n`, quiet: true })`sfdisk -q ${path}`;
  }
}

/** Checks the file system with the host's tools. */
export async function checkBootDisk(path: string, { fs, layout }: DiskKind): Promise<DiskCheck> {
  if (layout === 'whole') return checkFileSystem(path, fileSystemOf(fs));
  const inner = `${path}.inner`;
  await $`dd if=${path} of=${inner} bs=1M skip=${START_MIB} conv=sparse status=none`;
  try {
    return await checkFileSystem(inner, fileSystemOf(fs));
  } finally {
    await rm(inner);
  }
}
