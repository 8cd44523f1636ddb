/** Small sysfs trees, as the kernel lays them out: a virtio disk, SCSI behind it, LVM over RAID, NVMe with multipath. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openModuleTree } from '../../../initrd/modules.ts';
import { diskNeeds } from '../../../initrd/sysfs.ts';

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
const needs = (name: string) => diskNeeds(name, openModuleTree(directory), sysfs);

function virtioDisk(module: string | undefined = 'virtio_blk'): void {
  device(PCI, { modalias: PCI_ALIAS, module: 'virtio_pci' });
  device(`${PCI}/virtio1`, { modalias: 'virtio:d00000002v00001AF4', module });
  block(`${PCI}/virtio1/block/vda`);
  block(`${PCI}/virtio1/block/vda/vda1`);
}

test('a partition needs what its disk needs, down to the bus', () => {
  virtioDisk();
  expect(needs('vda1')).toEqual({ drivers: ['virtio_blk', 'virtio_pci'], layers: [] });
  expect(needs('vda')).toEqual(needs('vda1'));
});

test('what is built into the running kernel is found by its alias in the other', () => {
  virtioDisk();
  rmSync(join(sysfs, 'devices', PCI, 'driver'));
  expect(needs('vda1').drivers).toEqual(['virtio_blk', 'virtio_pci']);
});

test('a bus whose alias nobody claims is built in there', () => {
  virtioDisk();
  device('pci0000:00', { modalias: 'acpi:PNP0A08:' });
  expect(needs('vda1').drivers).toEqual(['virtio_blk', 'virtio_pci']);
});

test('a driver in use that the other kernel lacks is a refusal', () => {
  device(PCI, { modalias: 'pci:v0000FFFFd0', module: 'rare_hba' });
  block(`${PCI}/host0/block/sda`);
  expect(() => needs('sda')).toThrow(/Cannot include the module rare_hba: this kernel has none of that name/);
});

test('a driver under another name in the other kernel is found by its alias', () => {
  virtioDisk('virtio_blk_old');
  expect(needs('vda1').drivers).toEqual(['virtio_blk', 'virtio_pci']);
});

test('SCSI needs the disk driver and the adapter', () => {
  const target = `${PCI}/virtio2/host0/target0:0:0/0:0:0:0`;
  device(PCI, { modalias: PCI_ALIAS, module: 'virtio_pci' });
  device(`${PCI}/virtio2`, { modalias: 'virtio:d00000008v00001AF4', module: 'virtio_scsi' });
  device(target, { modalias: 'scsi:t-0x00', module: 'sd_mod' });
  block(`${target}/block/sda`);
  expect(needs('sda').drivers).toEqual(['sd_mod', 'virtio_scsi', 'virtio_pci']);
});

test('LVM over RAID: each layer is told, and the disks below it are found once', () => {
  virtioDisk();
  write(join(sysfs, 'devices/virtual/block/md0/md/level'), 'raid5\n');
  block('virtual/block/md0', ['vda1', 'vda']);
  write(join(sysfs, 'devices/virtual/block/dm-0/dm/uuid'), 'LVM-abcdef\n');
  block('virtual/block/dm-0', ['md0']);
  expect(needs('dm-0')).toEqual({
    drivers: ['dm_mod', 'md_mod', 'raid456', 'virtio_blk', 'virtio_pci'],
    layers: [
      { device: '/dev/dm-0', kind: 'dm', type: 'LVM' },
      { device: '/dev/md0', kind: 'md', type: 'raid5' },
    ],
  });
});

test('an encrypted device is told as such', () => {
  virtioDisk();
  write(join(sysfs, 'devices/virtual/block/dm-0/dm/uuid'), 'CRYPT-LUKS2-0011\n');
  block('virtual/block/dm-0', ['vda1']);
  expect(needs('dm-0')).toMatchObject({ layers: [{ type: 'CRYPT' }] });
  expect(needs('dm-0').drivers).toContain('dm_crypt');
});

test('NVMe with multipath: the way goes over the subsystem’s controllers', () => {
  const controller = 'pci0000:00/0000:00:04.0';
  device(controller, { modalias: 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02', module: 'nvme' });
  device(`${controller}/nvme/nvme0`);
  block('virtual/nvme-subsystem/nvme-subsys0/nvme0n1');
  symlinkSync(
    join(sysfs, 'devices', controller, 'nvme/nvme0'),
    join(sysfs, 'devices/virtual/nvme-subsystem/nvme-subsys0/nvme0'),
  );
  expect(needs('nvme0n1').drivers).toEqual(['nvme']);
});

test('a device that is not there is refused', () => {
  mkdirSync(sysfs, { recursive: true });
  expect(() => needs('sdz')).toThrow(
    /Cannot find the drivers of \/dev\/sdz: there is no .*class\/block\/sdz/,
  );
});
