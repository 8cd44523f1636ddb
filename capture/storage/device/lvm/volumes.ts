/**
 * The logical volumes that can be mapped directly: linear ones whose disks are all present. Writing to any other kind
 * (thin, cached, RAID, the origin of a snapshot, …) takes LVM's own logic; those are not activated.
 *
 * Including lvm would add 10 MB of libraries to every image, and run a program that may write to all disks right after a
 * crash. The metadata is a checksummed text, and device-mapper does the rest.
 */

import type { Section, Value } from './metadata-text.ts';
import type { PhysicalVolume } from './physical-volume.ts';

export interface LinearVolume {
  /** The device-mapper name: `vg-lv`, with each dash within a name doubled. */
  readonly name: string;
  /** The UUID that LVM itself would set, so that the volume is not activated twice. */
  readonly uuid: string;
  /** In 512-byte sectors. */
  readonly segments: readonly {
    readonly start: number;
    readonly length: number;
    readonly device: string;
    readonly deviceStart: number;
  }[];
}

export interface VolumesFound {
  readonly volumes: readonly LinearVolume[];
  /** One line for each volume that was not activated, with the reason. */
  readonly refused: readonly string[];
}

export interface KnownDisk extends PhysicalVolume {
  readonly node: string;
}

/** Larger than any disk, and exactly representable. */
const MOST_SECTORS = 2 ** 44;
const MOST_SEGMENTS = 10_000;

export function linearVolumes(disks: readonly KnownDisk[]): VolumesFound {
  const volumes: LinearVolume[] = [];
  const refused: string[] = [];
  for (const [vg, group] of newestGroups(disks)) {
    const sections = asSection(group.logical_volumes);
    const inSnapshots = new Map(Object.values(sections).flatMap(snapshotParts));
    for (const [lv, section] of Object.entries(sections)) {
      const name = `${vg.replaceAll('-', '--')}-${lv.replaceAll('-', '--')}`;
      const volume = asSection(section);
      const snapshot = inSnapshots.get(lv);
      // Hidden volumes are parts of other volumes, but for the store of a snapshot, which has the snapshot's name.
      if (!snapshot && !asList(volume.status).includes('VISIBLE')) continue;
      const isExported = asList(group.status).includes('EXPORTED');
      const result =
        snapshot ?? (isExported ? 'its volume group is exported' : segmentsOf(volume, group, disks));
      if (typeof result === 'string') refused.push(`${name}: ${result}`);
      else volumes.push({ name, uuid: `LVM-${plainId(group.id)}${plainId(volume.id)}`, segments: result });
    }
  }
  return { volumes, refused };
}

/** By name; where the disks of a group differ, the copy with the highest sequence number. */
function newestGroups(disks: readonly KnownDisk[]): Map<string, Section> {
  const groups = new Map<string, Section>();
  for (const { metadata = {} } of disks) {
    for (const [name, value] of Object.entries(metadata)) {
      const group = asSection(value);
      if (typeof group.seqno !== 'number') continue;
      const known = groups.get(name);
      if (!known || group.seqno > Number(known.seqno)) groups.set(name, group);
    }
  }
  return groups;
}

/**
 * The volumes that a snapshot relates, each with what it is. The volume of the snapshot's name is linear in the metadata:
 * it is the store of the changed blocks, not the file system.
 */
function snapshotParts(volume: Value | Section): [string, string][] {
  return Object.values(asSection(volume)).flatMap(segment => {
    const { type, origin, cow_store: store } = asSection(segment);
    if (type !== 'snapshot') return [];
    return [
      [String(origin), 'it is the origin of a snapshot'],
      [String(store), 'it is a snapshot'],
    ];
  });
}

/** The segments in order, or the reason why the volume cannot be mapped. */
function segmentsOf(
  volume: Section,
  group: Section,
  disks: readonly KnownDisk[],
): LinearVolume['segments'] | string {
  const count = asCount(volume.segment_count);
  const extentSectors = asCount(group.extent_size);
  if (count === undefined || count === 0 || count > MOST_SEGMENTS || !extentSectors)
    return 'its size is invalid';
  const segments: LinearVolume['segments'][number][] = [];
  let at = 0;
  for (let i = 1; i <= count; i++) {
    const segment = asSection(volume[`segment${i}`]);
    if (segment.type !== 'striped' || segment.stripe_count !== 1)
      return `it is ${describeType(segment)}, not linear`;
    const [pv, firstExtent] = asList(segment.stripes);
    const extents = asCount(segment.extent_count);
    const place = diskOf(pv, group, disks);
    if (typeof place === 'string') return place;
    const first = asCount(firstExtent);
    if (!extents || first === undefined || asCount(segment.start_extent) !== at / extentSectors) {
      return 'its segments are not contiguous';
    }
    if (first + extents > place.extents) return `it is larger than ${place.node}`;
    const length = extents * extentSectors;
    segments.push({
      start: at,
      length,
      device: place.node,
      deviceStart: place.startSector + first * extentSectors,
    });
    at += length;
    if (at > MOST_SECTORS) return 'its size is invalid';
  }
  return segments;
}

function diskOf(pv: string | number | undefined, group: Section, disks: readonly KnownDisk[]) {
  const section = asSection(asSection(group.physical_volumes)[String(pv)]);
  const uuid = plainId(section.id);
  const found = disks.filter(disk => disk.uuid === uuid);
  if (found.length === 0) return `its disk ${section.device ?? pv} is missing`;
  if (found.length > 1)
    return `its disk is present ${found.length} times: ${found.map(({ node }) => node).join(' ')}`;
  const [startSector, extents] = [asCount(section.pe_start), asCount(section.pe_count)];
  if (startSector === undefined || extents === undefined)
    return `the metadata of its disk ${found[0].node} is invalid`;
  return { node: found[0].node, startSector, extents };
}

function describeType({ type, stripe_count: stripes }: Section): string {
  return type === 'striped' ? `striped over ${stripes} disks` : `of the type ${type ?? 'unknown'}`;
}

function plainId(id: Value | Section | undefined): string {
  return typeof id === 'string' ? id.replaceAll('-', '') : '';
}

function asSection(value: Value | Section | undefined): Section {
  return typeof value === 'object' && !Array.isArray(value) ? (value as Section) : {};
}

function asList(value: Value | Section | undefined): readonly (string | number)[] {
  return Array.isArray(value) ? value : [];
}

function asCount(value: Value | Section | undefined): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_SECTORS
    ? value
    : undefined;
}
