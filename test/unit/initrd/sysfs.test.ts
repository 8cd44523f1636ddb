/** Drivers from small sysfs trees in the kernel's layout: virtio, SCSI, LVM over RAID, NVMe with multipath. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openModuleTree } from '../../../initrd/modules.ts';
import { driversBelow, layersBelow } from '../../../initrd/sysfs.ts';

let directory: string;
let sysfs: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-test-'));
  sysfs = join(directory, 'sys');
  modules(
    ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'dm_mod', 'dm_crypt', 'md_mod', 'raid456', 'nvme'],
    [
      'alias virtio:d00000002v* virtio_blk',
      'alias virtio:d00000008v* virtio_scsi',
      'alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci',
      'alias pci:v*d*sv*sd*bc01sc08i02* nvme',
      'alias scsi:t-0x00* sd_mod',
    ],
  );
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function modules(names: readonly string[], aliases: readonly string[]): void {
  const file = (name: string, lines: readonly string[]) =>
    write(join(directory, name), `${lines.join('\n')}\n`);
  file(
    'modules.dep',
    names.map(name => `kernel/${name}.ko:`),
  );
  file('modules.alias', aliases);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function link(path: string, to: string): void {
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(to, { recursive: true });
  symlinkSync(relative(dirname(path), to), path);
}

/** A device below /sys/devices; `module` where its driver is one. */
function device(path: string, facts: { modalias?: string; module?: string } = {}): void {
  const at = join(sysfs, 'devices', path);
  mkdirSync(at, { recursive: true });
  if (facts.modalias) write(join(at, 'modalias'), `${facts.modalias}\n`);
  if (!facts.module) return;
  link(join(at, 'driver'), join(sysfs, 'bus/x/drivers', facts.module));
  const module = join(sysfs, 'bus/x/drivers', facts.module, 'module');
  link(module, join(sysfs, 'module', facts.module));
}

/** A block device, and the name by which it is found. */
function block(path: string, slaves: readonly string[] = []): void {
  const name = path.split('/').at(-1)!;
  const at = join(sysfs, 'devices', path);
  mkdirSync(at, { recursive: true });
  link(join(sysfs, 'class/block', name), at);
  for (const slave of slaves) symlinkSync(join(sysfs, 'class/block', slave), slaveLink(at, slave));
}

function slaveLink(at: string, slave: string): string {
  mkdirSync(join(at, 'slaves'), { recursive: true });
  return join(at, 'slaves', slave);
}

const PCI = 'pci0000:00/0000:00:03.0';
const PCI_ALIAS = 'pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00';
const drivers = (name: string) => driversBelow(name, openModuleTree(directory), sysfs);
const refused = (name: string) =>
  layersBelow(name, sysfs).flatMap(({ device, is, refused }) => (refused ? [`${device} is ${is}`] : []));

function virtioDisk(module: string | undefined = 'virtio_blk'): void {
  device(PCI, { modalias: PCI_ALIAS, module: 'virtio_pci' });
  device(`${PCI}/virtio1`, { modalias: 'virtio:d00000002v00001AF4', module });
  block(`${PCI}/virtio1/block/vda`);
  block(`${PCI}/virtio1/block/vda/vda1`);
}

test('a partition needs what its disk needs, down to the bus', () => {
  virtioDisk();
  expect(drivers('vda1')).toEqual(['virtio_blk', 'virtio_pci']);
  expect(drivers('vda')).toEqual(drivers('vda1'));
  expect(refused('vda1')).toEqual([]);
});

test('a driver that is built into the running kernel is found by its alias in the other kernel', () => {
  virtioDisk();
  rmSync(join(sysfs, 'devices', PCI, 'driver'));
  expect(drivers('vda1')).toEqual(['virtio_blk', 'virtio_pci']);
});

test('an alias that no module matches means a built-in driver', () => {
  virtioDisk();
  device('pci0000:00', { modalias: 'acpi:PNP0A08:' });
  expect(drivers('vda1')).toEqual(['virtio_blk', 'virtio_pci']);
});

test('a driver in use that the other kernel lacks is refused', () => {
  device(PCI, { modalias: 'pci:v0000FFFFd0', module: 'rare_hba' });
  block(`${PCI}/host0/block/sda`);
  expect(() => drivers('sda')).toThrow(
    /Cannot include the module rare_hba: this kernel has none of that name/,
  );
});

test('a driver under another name in the other kernel is found by its alias', () => {
  virtioDisk('virtio_blk_old');
  expect(drivers('vda1')).toEqual(['virtio_blk', 'virtio_pci']);
});

test('SCSI needs the disk driver and the adapter', () => {
  const target = `${PCI}/virtio2/host0/target0:0:0/0:0:0:0`;
  device(PCI, { modalias: PCI_ALIAS, module: 'virtio_pci' });
  device(`${PCI}/virtio2`, { modalias: 'virtio:d00000008v00001AF4', module: 'virtio_scsi' });
  device(target, { modalias: 'scsi:t-0x00', module: 'sd_mod' });
  block(`${target}/block/sda`);
  expect(drivers('sda')).toEqual(['sd_mod', 'virtio_scsi', 'virtio_pci']);
});

test('LVM over RAID: every layer is reported, and the disks below are found once', () => {
  virtioDisk();
  write(join(sysfs, 'devices/virtual/block/md0/md/level'), 'raid5\n');
  block('virtual/block/md0', ['vda1', 'vda']);
  write(join(sysfs, 'devices/virtual/block/dm-0/dm/uuid'), 'LVM-abcdef\n');
  block('virtual/block/dm-0', ['md0']);
  expect(drivers('dm-0')).toEqual(['dm_mod', 'virtio_blk', 'virtio_pci']);
  expect(refused('dm-0')).toEqual(['/dev/md0 is a RAID of level raid5']);
});

test('NVMe with multipath is walked through the subsystem’s controllers', () => {
  const controller = 'pci0000:00/0000:00:04.0';
  device(controller, { modalias: 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02', module: 'nvme' });
  device(`${controller}/nvme/nvme0`);
  block('virtual/nvme-subsystem/nvme-subsys0/nvme0n1');
  symlinkSync(
    join(sysfs, 'devices', controller, 'nvme/nvme0'),
    join(sysfs, 'devices/virtual/nvme-subsystem/nvme-subsys0/nvme0'),
  );
  expect(drivers('nvme0n1')).toEqual(['nvme']);
});

test('a device that is not there is refused', () => {
  mkdirSync(sysfs, { recursive: true });
  expect(() => drivers('sdz')).toThrow(
    /Cannot find the drivers of \/dev\/sdz: there is no .*class\/block\/sdz/,
  );
});
