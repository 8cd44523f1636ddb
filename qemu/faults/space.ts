/** Faults of disk space: each fills the disk until one step of the space policy (capture/storage/policy/) is left. */
import { writeFile } from 'node:fs/promises';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { tool } from '../disks/file-systems.ts';
import { autopsySaved } from '../expect/autopsy.ts';
import * as expect from '../expect/expectations.ts';
import type { NotOn } from '../kernel/misfit.ts';
import { type Fault, WITHOUT_FFI } from './fault.ts';

/** "kdumpling-inodes" in hexadecimal. */
const FEW_INODES_UUID = '6b64756d-706c-696e-672d-696e6f646573';
/** What the capture keeps free: keepFree's default, and the files written after the dump. */
const KEPT_MIB = 65;
/** How large a dump is depends on the kernel, and these sizes are this one's. */
const MEASURED_ON: KernelChoice = { series: '6.1', flavour: 'cloud' };
const NOT_OPENED: NotOn = {
  arm64: 'crash 9 opens the incomplete dump, which it does for dumps of its own architecture alone',
};
/** More than it dumps at level 31 with zstd (17 MB), less than with lzo. */
const ENOUGH_MIB = 20;
/** Six sevenths of such a dump. Half of it is the kernel's image. */
const SCARCE_MIB = 14;
/** More than enough, and filled in seconds. */
const ROOMY_MIB = 160;
/** Free blocks that nobody can allocate: ext4 reserves 4096 for delayed metadata (Linux fs/ext4/super.c, s_resv_clusters). */
const EXT4_MIB = 16;
/**
 * Free pages on a CPU's own list look like used ones in a dump: up to 20 MB of the initrd that kexec read, which does not
 * compress. Short lists (vm.percpu_pagelist_high_fraction) make the dump's size the same every time.
 */
const SHORT_LISTS = 'echo 1000000 > /proc/sys/vm/percpu_pagelist_high_fraction';

/**
 * Shell command that fills the disk.
 * @param leftMib what stays free.
 * @param of counts all free blocks (`f`, with those reserved for root) or a user's (`a`), as `stat -f -c` names them.
 */
const fill = (leftMib: number, of: 'a' | 'f'): string =>
  `fallocate -l $(( ($(stat -f -c %${of} /disk) * $(stat -f -c %S /disk)) - ${leftMib} * 1048576 )) /disk/filler`;

/** Leaves so much room; the dump's size is known to a megabyte. */
const roomLeft = (leftMib: number, of: 'a' | 'f'): Pick<Fault, 'beforeArming' | 'beforeCrash'> => ({
  beforeArming: SHORT_LISTS,
  beforeCrash: `${fill(leftMib, of)}; sync`,
});

/** Shell command that makes a dump of an earlier crash. */
const olderDump = (stamp: string, mib: number): string =>
  `mkdir /disk/var/crash/${stamp}; dd if=/dev/zero of=/disk/var/crash/${stamp}/vmcore bs=1M count=${mib} 2> /dev/null`;

const takes = (what: string, step: string) =>
  expect.says(what, new RegExp(`kdumpling: space: taking ${step} `));
const noRoomFor = (step: string) =>
  expect.says(`there was no room for ${step}`, new RegExp(`kdumpling: space: no room for ${step}: `));
const incomplete = [
  expect.armed,
  expect.cameHome,
  expect.unmountedCleanly,
  expect.fileSystemSound,
  expect.noDumpLooksComplete,
  expect.manifestSays('incomplete'),
];

export const SPACE_FAULTS: readonly Fault[] = [
  {
    name: 'full-tighter-level',
    kernel: MEASURED_ON,
    help: 'the disk has room for a dump at level 31, not at the configured level 0',
    crashWords: ['kdumpling.dumpLevel=0'],
    ...roomLeft(KEPT_MIB + ENOUGH_MIB, 'a'),
    expectations: [
      ...expect.SOUND_CAPTURE,
      noRoomFor('as wished'),
      takes('it takes a tighter level', 'a tighter dump level'),
    ],
  },
  {
    name: 'full-stronger-codec',
    kernel: MEASURED_ON,
    help: 'the disk has room for a dump with zstd, not with the configured lzo',
    crashWords: ['kdumpling.codec=lzo'],
    ...roomLeft(KEPT_MIB + ENOUGH_MIB, 'a'),
    expectations: [
      ...expect.SOUND_CAPTURE,
      noRoomFor('as wished'),
      takes('it takes a stronger codec', 'a stronger codec'),
    ],
  },
  {
    name: 'full-for-users',
    kernel: MEASURED_ON,
    help: 'the only free blocks are those that the file system reserves for root',
    ...roomLeft(KEPT_MIB + ENOUGH_MIB, 'f'),
    expectations: [
      ...expect.SOUND_CAPTURE,
      noRoomFor('a stronger codec'),
      takes('it takes the room reserved for root', 'the room set aside for root'),
    ],
  },
  {
    name: 'full-oldest-dumps',
    kernel: MEASURED_ON,
    help: 'the disk has no room; make_room oldest allows removing the oldest of two dumps',
    crashWords: ['kdumpling.makeRoom=oldest'],
    beforeArming: SHORT_LISTS,
    beforeCrash: [
      olderDump('20250101T000000Z', ENOUGH_MIB),
      olderDump('20250102T000000Z', 4),
      fill(KEPT_MIB, 'f'),
      'sync',
    ].join('; '),
    expectations: [
      expect.armed,
      expect.says('the capture is announced as saved', /kdumpling: end: saved \/var\/crash\//),
      expect.cameHome,
      expect.unmountedCleanly,
      expect.fileSystemSound,
      expect.says(
        'the oldest dump goes',
        /kdumpling: retention: removed the complete dump 20250101T000000Z, \d+ bytes/,
      ),
      takes('it takes its room', 'the oldest dumps'),
      expect.dumpDirectories('the newest complete one stays', [/^20250102T000000Z$/, /^2026/]),
    ],
  },
  {
    name: 'full-incomplete',
    kernel: MEASURED_ON,
    notOn: NOT_OPENED,
    help: 'the disk has room for six sevenths of the smallest dump',
    ...roomLeft(KEPT_MIB + SCARCE_MIB, 'f'),
    expectations: [
      ...incomplete,
      noRoomFor('the room set aside for root'),
      takes('it takes an incomplete dump', 'an incomplete dump'),
      expect.says(
        'the console says what the dump lacks',
        /kdumpling: end: NOT saved: dump: it is incomplete: there was no room for \d+ of \d+ pages; what could be saved is in/,
      ),
      expect.kernelLogSaved,
      expect.incompleteDumpOpens,
      expect.triageDumpOpens,
    ],
  },
  {
    name: 'full-log-only',
    help: 'the disk has room for the kernel log, not for a dump',
    ...roomLeft(KEPT_MIB, 'f'),
    expectations: [
      ...incomplete,
      expect.says('the console reports it', /kdumpling: space: no room for any dump: none is made/),
      expect.says(
        'the console says what to do',
        /kdumpling: end: NOT saved: dump: Cannot save a dump: there is room for \d+ bytes, with 64M kept free\. Remove old dumps/,
      ),
      expect.kernelLogSaved,
      autopsySaved,
    ],
  },
  {
    name: 'full',
    help: 'the disk has no free block',
    beforeCrash: `${fill(0, 'f')}; dd if=/dev/zero of=/disk/rest bs=4k 2> /dev/null; sync`,
    expectations: [
      expect.armed,
      expect.cameHome,
      expect.fileSystemSound,
      expect.noDumpLooksComplete,
      expect.kernelLogOnConsole,
      expect.says('the console says why nothing is saved', /kdumpling: end: NOT saved: .*ENOSPC/),
    ],
  },
  {
    name: 'no-inodes',
    help: 'the target has no free inode',
    crashWords: [`kdumpling.target=UUID=${FEW_INODES_UUID}`],
    secondDisk: { sizeMib: 64, make: makeWithoutInodes },
    expectations: [
      expect.armed,
      expect.cameHome,
      expect.fileSystemSound,
      expect.noDumpLooksComplete,
      expect.kernelLogOnConsole,
      expect.says(
        'the console says why nothing is saved',
        /kdumpling: end: NOT saved: target: Cannot make .*ENOSPC/,
      ),
    ],
  },
  {
    name: 'eaten-in-dump',
    help: 'another program fills the disk in mid-dump; the dump’s room was reserved',
    bundle: { entry: 'qemu/faults/bundles/eat-disk.ts' },
    ...roomLeft(ROOMY_MIB, 'a'),
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('the disk was full', /lab fault: the disk is full now/),
    ],
  },
  {
    name: 'eaten-unreserved',
    kernel: MEASURED_ON,
    notOn: NOT_OPENED,
    help: 'another program fills the disk in mid-dump, and without fallocate nothing was reserved: ENOSPC',
    bundle: { entry: 'qemu/faults/bundles/eat-disk.ts' },
    ...roomLeft(ROOMY_MIB, 'a'),
    beforeNode: WITHOUT_FFI,
    crashWords: ['kdumpling.keepFree=0'],
    expectations: [
      ...incomplete,
      expect.says(
        'the write is refused',
        /kdumpling: space: warning: the target had no room after \d+ bytes/,
      ),
      takes('it takes an incomplete dump', 'an incomplete dump'),
      expect.kernelLogSaved,
      expect.incompleteDumpOpens,
    ],
  },
  {
    name: 'lying-statfs',
    kernel: MEASURED_ON,
    help: 'statfs promises more room than the file system has',
    bundle: { entry: 'qemu/faults/bundles/lying-statfs.ts' },
    crashWords: ['kdumpling.keepFree=0'],
    ...roomLeft(EXT4_MIB + SCARCE_MIB, 'f'),
    expectations: [
      ...incomplete,
      expect.says(
        'the reservation is refused',
        /kdumpling: space: warning: the target had no room after \d+ bytes/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'read-back',
    help: 'the disk returns wrong bytes once',
    bundle: { entry: 'qemu/faults/bundles/read-back.ts' },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says(
        'verification finds it',
        /kdumpling: verify: warning: .*data read back differently.*written once more/,
      ),
    ],
  },
  {
    name: 'read-back-twice',
    help: 'the disk returns wrong bytes every time',
    bundle: { entry: 'qemu/faults/bundles/read-back-twice.ts' },
    expectations: [
      ...incomplete,
      expect.says(
        'verification finds it',
        /kdumpling: end: NOT saved: dump: Cannot verify what was written: data read back/,
      ),
      expect.kernelLogSaved,
    ],
  },
];

/** An ext4 with a dump directory and no free inode. */
async function makeWithoutInodes(image: string): Promise<void> {
  await tool('mke2fs', ['-q', '-F', '-t', 'ext4', '-N', '16', '-U', FEW_INODES_UUID, image]);
  const free = Number(/Free inodes: +(\d+)/.exec(await tool('dumpe2fs', ['-h', image]))![1]);
  const directories = ['mkdir var', 'mkdir var/crash'];
  const files = Array.from({ length: free - directories.length }, (_, i) => `write /dev/null file-${i}`);
  const commands = `${image}.commands`;
  await writeFile(commands, [...directories, ...files, ''].join('\n'));
  await tool('debugfs', ['-w', '-f', commands, image]);
}
