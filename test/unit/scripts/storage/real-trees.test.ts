/**
 * Targets on the devices of a running kernel: linux-6.1/ was printed by Debian's 6.1.0-56-amd64 in QEMU, with disks on
 * each bus that it emulates, and devices made by lvm2 2.03.16, mdadm 4.2, cryptsetup 2.6.1, bcache-tools 1.0.8, open-iscsi
 * 2.1.8 and LIO, nvmet over TCP, and dmsetup (multipath). sysfs.txt has links (L) and files (F); vdb1 and vdb2 are the
 * first 128 KiB of the disks of the volume group.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { settingsOf } from '../../../../scripts/lib/config/config.ts';
import { hostTarget } from '../../../../scripts/lib/storage/host-target.ts';
import { targetFindings } from '../../../../scripts/lib/storage/target-findings.ts';
import { type Files, hostWith } from '../../../support/host-root.ts';
import { ext4 } from './machine.ts';

const FOLDER = join(import.meta.dirname, 'linux-6.1');
const lines = readFileSync(join(FOLDER, 'sysfs.txt'), 'utf8')
  .split('\n')
  .filter(line => line !== '');
const machine: Files = Object.fromEntries(
  lines.flatMap(line => {
    const [kind, path, text = ''] = line.split(/ (\S+) ?/s) as [string, string, string];
    // A device without files that matter is a directory all the same.
    return kind === 'L'
      ? [
          [`${text}/`, ''],
          [path, `-> ${text}`],
        ]
      : [[path, `${text}\n`]];
  }),
);
const disk = (name: string) => gunzipSync(readFileSync(join(FOLDER, `${name}.img.gz`))).toString('latin1');

/** The device-mapper device of this name: `/dev/dm-3`. */
function mapped(name: string): string {
  const path = Object.keys(machine).find(file => file.endsWith('/dm/name') && machine[file] === `${name}\n`)!;
  return `/dev/${path.split('/').at(-3)}`;
}

test.each([
  ['virtio', '/dev/vda', undefined],
  ['SATA', '/dev/sdb', undefined],
  ['virtio-scsi', '/dev/sda', undefined],
  ['NVMe', '/dev/nvme0n1', undefined],
  ['an SD card', '/dev/mmcblk0', undefined],
  ['a USB disk', '/dev/sdd', undefined],
  ['a USB stick', '/dev/sdc', /\/dev\/sdc is a removable medium/],
  ['scsi_debug', '/dev/sde', /\/dev\/sde is simulated by scsi_debug/],
  ['iSCSI', '/dev/sdf', /\/dev\/sdf is reached over iSCSI/],
  ['a loopback of LIO', '/dev/sdg', /\/dev\/sdg is a loopback of the SCSI target/],
  ['NVMe over TCP', '/dev/nvme1n1', /\/dev\/nvme1n1 is reached over NVMe over TCP/],
  ['an NVDIMM', '/dev/pmem0', /\/dev\/pmem0 is persistent memory/],
  ['loop', '/dev/loop0', /\/dev\/loop0 is backed by a file/],
  ['zram', '/dev/zram0', /\/dev\/zram0 is memory/],
  ['a RAM disk', '/dev/ram0', /\/dev\/ram0 is memory/],
  ['nbd', '/dev/nbd0', /network block device/],
  ['bcache', '/dev/bcache0', /\/dev\/bcache0 is a bcache device/],
  ['md raid1', '/dev/md0', /\/dev\/md0 is a RAID of level raid1/],
  ['a partition of md', '/dev/md0p1', /\/dev\/md0 is a RAID of level raid1/],
  ['LUKS', mapped('secret'), /is encrypted/],
  ['multipath', mapped('mpatha'), /is a multipath device/],
  ['a partition of multipath', mapped('mpatha1'), /is a partition mapped by kpartx/],
  ['a device made by hand', mapped('byhand'), /a device-mapper device of kind unknown/],
  ['LVM, linear', mapped('vg-linear'), undefined],
  ['LVM, linear over two disks', mapped('vg-across'), undefined],
  ['LVM, striped', mapped('vg-striped'), /volume vg-striped: it is striped over 2 disks, not linear/],
  ['LVM, raid1', mapped('vg-mirrored'), /volume vg-mirrored: it is of the type raid1, not linear/],
  ['LVM, the origin of a snapshot', mapped('vg-orig'), /volume vg-orig: it is the origin of a snapshot/],
  ['LVM, a snapshot', mapped('vg-snap'), /volume vg-snap: it is a snapshot/],
  ['LVM, thin', mapped('vg-thin'), /volume vg-thin: it is of the type thin, not linear/],
])('%s', (_, device, refused) => {
  const devices = Object.keys(machine).flatMap(path => /^\/sys\/class\/block\/(.*)$/.exec(path)?.[1] ?? []);
  const host = hostWith({
    ...Object.fromEntries(devices.map(name => [`/dev/${name}`, ''])),
    ...machine,
    '/dev/vdb1': disk('vdb1'),
    '/dev/vdb2': disk('vdb2'),
    '/proc/self/mountinfo': '',
    [device]: ext4(9),
  });
  const texts = targetFindings(host, hostTarget(host, settingsOf(`ext4 ${device}\n`, ''))).map(
    ({ text }) => text,
  );
  expect(texts).toEqual(refused ? [expect.stringMatching(refused)] : []);
});
