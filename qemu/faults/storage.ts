/** Faults of the target: its disk, its file system, and the fallback targets. */
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
const BLOCK_BYTES = 4096;

/** An empty ext4 on the second disk. */
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

/** The second disk is the target, and the boot disk its fallback. */
const secondDiskFails = {
  crashWords: [`kdumpling.target=UUID=${SECOND_UUID}`],
  options: { fallbackTargets: ON_BOOT_DISK },
};

/** No target can be used: the kernel log goes to the console. */
const logOnConsole = [expect.armed, expect.cameHome, expect.noDumpLooksComplete, expect.kernelLogOnConsole];

/** Shell commands that overwrite the first block of this file or directory on the disk, below the mounted file system. */
function overwritten(what: string, random: boolean): (image: string) => Promise<string> {
  return async image => {
    const block = (await tool('debugfs', ['-R', `bmap ${what} 0`, image])).trim();
    const source = random ? '/dev/urandom' : '/dev/zero';
    const damage = `dd if=${source} of=$disk bs=${BLOCK_BYTES} seek=${block} count=1 conv=notrunc 2> /dev/null`;
    return `sync; ${damage}; sync`;
  };
}

export const STORAGE_FAULTS: readonly Fault[] = [
  {
    name: 'disk-missing',
    help: 'the target’s disk is missing, and there is no fallback',
    crashWords: [`kdumpling.target=UUID=${NO_SUCH_UUID}`, 'kdumpling.deviceTimeoutSeconds=5'],
    expectations: [
      ...logOnConsole,
      expect.fileSystemSound,
      expect.says(
        'the console says what it waits for',
        /kdumpling: target: waiting for UUID=0+-1111.*; there are \/dev\/vda/,
      ),
      expect.says(
        'the console says why nothing is saved',
        /kdumpling: end: NOT saved: target: Cannot find the dump target .*it did not appear in 5 s/,
      ),
    ],
  },
  {
    name: 'disk-moved',
    help: 'the target’s device name belongs to another disk now',
    crashWords: ['kdumpling.target=/dev/vdb', `kdumpling.targetUuid=${LAB_ROOT_UUID}`],
    secondDisk: SECOND,
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says(
        'the console reports it',
        /kdumpling: target: warning: \/dev\/vdb is \/dev\/vda now, by its UUID/,
      ),
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
    help: 'the target’s disk takes 1 MB, then stalls',
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
    help: 'the target’s disk is read-only; the boot disk is the fallback',
    ...secondDiskFails,
    secondDisk: { ...SECOND, driveOptions: 'readonly=on' },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('the console reports it', /kdumpling: target: warning: .*(mount|read-only)/),
    ],
  },
  {
    name: 'write-errors',
    help: 'the target’s disk fails writes in mid-dump; the boot disk is the fallback',
    ...secondDiskFails,
    secondDisk: { ...SECOND, file: image => `blkdebug:${writeErrors(image)}:${image}` },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('the kernel says so', /I\/O error, dev vdb, sector \d+ op 0x1:\(WRITE\)/),
      expect.says('the console reports it', /kdumpling: dump: warning: Cannot .*EIO/),
    ],
  },
  {
    name: 'file-system-errors',
    help: 'the target’s superblock records errors: the file system is repaired first',
    beforeCrash: async image => {
      await tool('debugfs', ['-w', '-R', 'set_super_value state 3', image]);
      return '';
    },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says(
        'the console reports it',
        /kdumpling: target: warning: the file system on \/dev\/vda says that it has errors/,
      ),
      expect.says('it is repaired', /kdumpling: target: e2fsck: /),
    ],
  },
  {
    name: 'journal-damaged',
    help: 'the target’s journal is overwritten: it mounts only after a repair',
    beforeCrash: overwritten('<8>', false),
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('the kernel does not mount it', /kdumpling: (system|target): warning: .*mount/),
      expect.says('it is repaired', /kdumpling: target: e2fsck: /),
    ],
  },
  {
    name: 'directory-damaged',
    help: 'the dump directory is overwritten with random bytes: the kernel stops writing to the file system',
    beforeCrash: overwritten('/var/crash', true),
    expectations: [
      ...logOnConsole,
      expect.says(
        'the console says why nothing is saved',
        /kdumpling: end: NOT saved: target: Cannot make .*: the file system is damaged there/,
      ),
    ],
  },
  {
    name: 'raw-target',
    help: 'the target’s disk is missing; the fallback is a partition without a file system',
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
    help: 'the target’s disk is missing; the raw fallback holds a file system and is not touched',
    crashWords: [`kdumpling.target=UUID=${NO_SUCH_UUID}`, 'kdumpling.deviceTimeoutSeconds=5'],
    options: { fallbackTargets: ['raw /dev/vdb'] },
    secondDisk: SECOND,
    expectations: [
      ...logOnConsole,
      expect.says(
        'the console reports it',
        /kdumpling: target: warning: Cannot write a dump to the bare \/dev\/vdb: it seems to hold ext4/,
      ),
    ],
  },
];

/** Fails writes to one sector in each 2 MiB, after what mke2fs wrote at the start. Returns blkdebug's configuration file. */
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

/** Replays the image's journal, as its next mount would, and moves its dumps to `captured/crash`. */
async function takeOutRepaired(image: string, captured: string): Promise<void> {
  await checkFileSystem(image, { ...fileSystemOf('ext4'), check: ['e2fsck', '-p'] });
  // debugfs creates the directory, and stops when it exists.
  const apart = `${captured}-second`;
  await extract(image, '/var/crash', apart);
  for (const name of readdirSync(join(apart, 'crash'))) {
    renameSync(join(apart, 'crash', name), join(captured, 'crash', name));
  }
  rmSync(apart, { recursive: true });
}
