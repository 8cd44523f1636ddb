/**
 * The names below /dev/disk/by-path that udev would give a disk, derived from its path in sysfs, from the root bus down.
 * The format is that of systemd's udev-builtin-path_id.c. A disk on a bus that is not listed here has no such name.
 */

/** Read access to sysfs; paths begin with `/sys`. */
export interface Sysfs {
  /** A file's text without its newline, or undefined. */
  read(path: string): string | undefined;
  /** Names in a directory; empty when there is none. */
  list(path: string): readonly string[];
}

/** One device on the path from the disk up to the root bus. */
interface Station {
  readonly path: string;
  readonly name: string;
  /** The sysfs path of the disk itself. */
  readonly disk: string;
}

/** The piece that a device adds to the name; several where versions of udev differ; empty where there is no name. */
type Describe = (station: Station, match: RegExpExecArray, sysfs: Sysfs) => readonly string[];

/** Keyed by the kernel's names for the devices in sysfs. */
const KINDS: readonly { readonly name: RegExp; readonly describe: Describe }[] = [
  { name: /^(\d+):(\d+):(\d+):(\d+)$/, describe: describeScsi },
  { name: /^nvme\d+$/, describe: (station, _, sysfs) => describeNvme(station, sysfs) },
  { name: /^\d+-[\d.]+:(\d+\.\d+)$/, describe: station => [`usb-0:${station.name.replace(/^\d+-/, '')}`] },
  { name: /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, describe: station => [`pci-${station.name}`] },
  { name: /^vbd-\d+$/, describe: station => [`xen-${station.name}`] },
];

/** @param path of the disk, not of a partition: `/sys/devices/pci0000:00/0000:00:03.0/virtio1/block/vda`. */
export function pathNames(path: string, sysfs: Sysfs): string[] {
  const parts = path.split('/');
  const disk = path;
  let names: readonly string[] = [''];
  let onPci = false;
  for (let length = parts.length - 1; length > 2; length--) {
    const station = { path: parts.slice(0, length).join('/'), name: parts[length - 1], disk };
    for (const { name, describe } of KINDS) {
      const match = name.exec(station.name);
      if (!match) continue;
      const isPci = station.name.includes('.') && !station.name.includes('-');
      // The name has the PCI device only, without the bridges above it.
      if (isPci && onPci) break;
      const added = describe(station, match, sysfs);
      if (added.length === 0) return [];
      names = added.flatMap(piece => names.map(rest => (rest === '' ? piece : `${piece}-${rest}`)));
      onPci ||= isPci;
      break;
    }
  }
  if (!onPci && !names[0].startsWith('xen-')) return [];
  // The prefix that udev used until systemd 229.
  return path.includes('/virtio') ? [...names, ...names.map(name => `virtio-${name}`)] : [...names];
}

function describeScsi(station: Station, [, host, bus, target, lun]: RegExpExecArray, sysfs: Sysfs): string[] {
  const ata = /^(.*\/(ata\d+))\//.exec(station.path);
  if (ata) {
    const port = sysfs.read(`${ata[1]}/ata_port/${ata[2]}/port_no`);
    return port ? [`ata-${port}`, `ata-${port}.${target}`] : [];
  }
  // The kernel numbers hosts across the machine in order of discovery; the name counts from the adapter's first host.
  const adapter = station.path.replace(/\/host\d+\/.*$/, '');
  const hosts = sysfs.list(adapter).flatMap(name => /^host(\d+)$/.exec(name)?.[1] ?? []);
  const first = Math.min(Number(host), ...hosts.map(Number));
  return [`scsi-${Number(host) - first}:${bus}:${target}:${lun}`];
}

function describeNvme({ disk }: Station, sysfs: Sysfs): string[] {
  const nsid = sysfs.read(`${disk}/nsid`);
  return nsid ? [`nvme-${nsid}`] : [];
}
