/** Machines below a root for the tests of targets: a disk, what is stacked on it, a file system on top. */
import type { Files } from '../../../support/host-root.ts';

export const PCI_DISK = '/sys/devices/pci0000:00/0000:00:04.0/virtio1/block/vda';

/** A block device at this path in sysfs, with files of its own and the devices that it is stacked on. */
export function block(path: string, facts: Files = {}, slaves: readonly string[] = []): Files {
  const name = path.split('/').at(-1)!;
  return {
    [`${path}/size`]: '409600\n',
    [`/sys/class/block/${name}`]: `-> ${path}`,
    [`/dev/${name.replaceAll('!', '/')}`]: '',
    ...Object.fromEntries(Object.entries(facts).map(([file, text]) => [`${path}/${file}`, text])),
    ...Object.fromEntries(slaves.map(slave => [`${path}/slaves/${slave}`, `-> /sys/class/block/${slave}`])),
  };
}

export const virtual = (name: string, facts: Files = {}, slaves: readonly string[] = []) =>
  block(`/sys/devices/virtual/block/${name}`, facts, slaves);

export const mapped = (name: string, mapName: string, uuid: string, slaves: readonly string[]) =>
  virtual(name, { 'dm/name': `${mapName}\n`, 'dm/uuid': `${uuid}\n` }, slaves);

export const VDA: Files = { ...block(PCI_DISK), ...block(`${PCI_DISK}/vda1`, { partition: '1\n' }) };

/** An ext4 superblock whose UUID ends in this byte. */
export function ext4(last: number): string {
  const bytes = Buffer.alloc(0x11000);
  bytes.write('53ef', 0x438, 'hex');
  bytes[0x468 + 15] = last;
  return bytes.toString('latin1');
}

export const UUID = (last: number) =>
  `UUID=00000000-0000-0000-0000-0000000000${last.toString(16).padStart(2, '0')}`;
