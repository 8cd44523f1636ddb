/** Lab faults of the target: the disk, its file system, and what stands in for them. */
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LAB_ROOT_UUID } from '../../build/stock-image.ts';
import { extractPartition, markPartition } from '../../scripts/lib/recover/partition.ts';
import { checkFileSystem, fileSystemOf, tool } from '../disks/file-systems.ts';
import { extract } from '../disks/image.ts';
import type { MakeSecondDisk } from '../disks/second-disk.ts';
import * as expect from '../expect/expectations.ts';
import type { Fault } from './fault.ts';

/** "kdumpling-second" in hexadecimal. */
const SECOND_UUID = '6b64756d-706c-696e-672d-7365636f6e64';
const NO_SUCH_UUID = '00000000-1111-2222-3333-444444444444';
const ON_BOOT_DISK = [`ext4 UUID=${LAB_ROOT_UUID}`];
const CRASH = 'echo c > /proc/sysrq-trigger';
const BLOCK_BYTES = 4096;

/** An ext4 file system without files on the second disk. */
const SECOND: MakeSecondDisk = {
  sizeMib: 512,
  async make(image) {
    const contents = `${image}.contents`;
    await mkdir(join(contents, 'var/crash'), { recursive: true });
    await fileSystemOf('ext4').make({ path: image, uuid: SECOND_UUID, label: 'lab-second', contents });
  },
};
const RAW: MakeSecondDisk = {
  sizeMib: 128,
  make: async image => markPartition(image),
};

/** The second disk is the target, and the boot disk what stands in for it. */
const secondDiskFails = {
  crashWords: [`kdumpling.target=UUID=${SECOND_UUID}`],
  options: { fallbackTargets: ON_BOOT_DISK },
};

/** The boot disk cannot be had at all, and nothing stands in for it. */
const logOnConsole = [expect.armed, expect.cameHome, expect.noDumpLooksComplete, expect.kernelLogOnConsole];

/** What is on the block of this file or folder: written over in place, under the mounted file system's feet. */
function overwritten(what: string, random: boolean): (image: string) => Promise<string> {
  return async image => {
    const block = (await tool('debugfs', ['-R', `bmap ${what} 0`, image])).trim();
    const source = random ? '/dev/urandom' : '/dev/zero';
    const damage = `dd if=${source} of=$disk bs=${BLOCK_BYTES} seek=${block} count=1 conv=notrunc 2> /dev/null`;
    return `sync; ${damage}; sync; ${CRASH}`;
  };
}

export const TARGET_FAULTS: readonly Fault[] = [
  {
    name: 'disk-missing',
    help: 'the target’s disk is not there, and nothing stands in for it',
    crashWords: [`kdumpling.target=UUID=${NO_SUCH_UUID}`, 'kdumpling.deviceTimeoutSeconds=5'],
    expectations: [
      ...logOnConsole,
      expect.fileSystemSound,
      expect.says(
        'it says what it waits for',
        /kdumpling: target: waiting for UUID=0+-1111.*; there are \/dev\/vda/,
      ),
      expect.says(
        'it says why nothing is saved',
        /kdumpling: end: NOT saved: target: Cannot find the dump target .*it did not appear in 5 s/,
      ),
    ],
  },
  {
    name: 'disk-moved',
    help: 'the target’s device name is another disk’s now',
    crashWords: ['kdumpling.target=/dev/vdb', `kdumpling.targetUuid=${LAB_ROOT_UUID}`],
    secondDisk: SECOND,
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('it says so', /kdumpling: target: warning: \/dev\/vdb is \/dev\/vda now, by its UUID/),
    ],
  },
  {
    name: 'disk-slow',
    help: 'the disk writes 1 MB/s',
    driveOptions: 'throttling.bps-write=1000000',
    expectations: expect.SOUND_CAPTURE,
  },
  {
    name: 'disk-hangs',
    help: 'the target’s disk takes 1 MB and then next to nothing',
    crashWords: [...secondDiskFails.crashWords, 'kdumpling.stallTimeout=30', 'kdumpling.deadlineSeconds=120'],
    secondDisk: {
      ...SECOND,
      driveOptions: 'throttling.bps-write=1000,throttling.bps-write-max=1000000',
      takeOut: takeOutRepaired,
    },
    expectations: [
      expect.armed,
      expect.cameHome,
      expect.fileSystemSound,
      expect.noDumpLooksComplete,
      expect.says('the serial log says why', /kdumpling: (watch|early): NOT finished/),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'read-only-disk',
    help: 'the target’s disk cannot be written to; the boot disk stands in for it',
    ...secondDiskFails,
    secondDisk: { ...SECOND, driveOptions: 'readonly=on' },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('it says so', /kdumpling: target: warning: .*(mount|read-only)/),
    ],
  },
  {
    name: 'write-errors',
    help: 'the target’s disk fails at sectors in the middle of the dump; the boot disk stands in for it',
    ...secondDiskFails,
    secondDisk: { ...SECOND, file: image => `blkdebug:${writeErrors(image)}:${image}` },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('the kernel says so', /I\/O error, dev vdb, sector \d+ op 0x1:\(WRITE\)/),
      expect.says('it says so', /kdumpling: dump: warning: Cannot .*EIO/),
    ],
  },
  {
    name: 'file-system-errors',
    help: 'the file system says that it has errors: it is repaired first',
    trigger: async image => {
      await tool('debugfs', ['-w', '-R', 'set_super_value state 3', image]);
      return CRASH;
    },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says(
        'it says so',
        /kdumpling: target: warning: the file system on \/dev\/vda says that it has errors/,
      ),
      expect.says('and repairs it', /kdumpling: target: e2fsck: /),
    ],
  },
  {
    name: 'journal-damaged',
    help: 'the journal of the file system is overwritten: it does not mount before it is repaired',
    trigger: overwritten('<8>', false),
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('the kernel does not mount it', /kdumpling: (system|target): warning: .*mount/),
      expect.says('it is repaired', /kdumpling: target: e2fsck: /),
    ],
  },
  {
    name: 'directory-damaged',
    help: 'the dump directory is overwritten with random bytes: the kernel stops writing to the file system',
    trigger: overwritten('/var/crash', true),
    expectations: [
      ...logOnConsole,
      expect.says(
        'it says why nothing is saved',
        /kdumpling: end: NOT saved: target: Cannot make .*: the file system is damaged there/,
      ),
    ],
  },
  {
    name: 'raw-target',
    help: 'the target’s disk is missing; a partition without a file system stands in for it',
    crashWords: [`kdumpling.target=UUID=${NO_SUCH_UUID}`, 'kdumpling.deviceTimeoutSeconds=5'],
    options: { fallbackTargets: ['raw /dev/vdb'] },
    secondDisk: {
      ...RAW,
      takeOut: async (image, captured) => void extractPartition(image, join(captured, 'crash')),
    },
    expectations: [
      expect.armed,
      expect.pid1IsOurs,
      expect.says('the capture is announced as saved', /kdumpling: end: saved \/dev\/vdb /),
      expect.cameHome,
      expect.fileSystemSound,
      expect.completeDumpFiles,
    ],
  },
  {
    name: 'raw-not-ours',
    help: 'the partition that stands in for the missing target holds somebody’s file system: it is not touched',
    crashWords: [`kdumpling.target=UUID=${NO_SUCH_UUID}`, 'kdumpling.deviceTimeoutSeconds=5'],
    options: { fallbackTargets: ['raw /dev/vdb'] },
    secondDisk: SECOND,
    expectations: [
      ...logOnConsole,
      expect.says(
        'it says so',
        /kdumpling: target: warning: Cannot write a dump to the bare \/dev\/vdb: it seems to hold ext4/,
      ),
    ],
  },
];

/** Fails every write of one sector in each 2 MiB, past what mke2fs laid out first. Returns blkdebug's configuration. */
function writeErrors(image: string): string {
  const MIB_SECTORS = 2048;
  const [first, stride, end] = [16.5 * MIB_SECTORS, 2 * MIB_SECTORS, SECOND.sizeMib * MIB_SECTORS];
  const sectors = Array.from({ length: (end - first) / stride }, (_, i) => first + i * stride);
  const rules = sectors.map(
    sector =>
      `[inject-error]\nevent = "none"\niotype = "write"\nerrno = "5"\nonce = "off"\nsector = "${sector}"\n`,
  );
  const path = `${image}.blkdebug`;
  writeFileSync(path, rules.join('\n'));
  return path;
}

/** Moves the dumps of an ext4 image to `captured/crash`, its journal replayed as its next mount would. */
async function takeOutRepaired(image: string, captured: string): Promise<void> {
  await checkFileSystem(image, { ...fileSystemOf('ext4'), check: ['e2fsck', '-p'] });
  // debugfs makes the folder, and ends where it is there already.
  const apart = `${captured}-second`;
  await extract(image, '/var/crash', apart);
  for (const name of readdirSync(join(apart, 'crash'))) {
    renameSync(join(apart, 'crash', name), join(captured, 'crash', name));
  }
  rmSync(apart, { recursive: true });
}
