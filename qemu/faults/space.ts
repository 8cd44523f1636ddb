/** Lab faults of space: a step of the ladder each, made by filling the disk to where only that step is left. */
import { writeFile } from 'node:fs/promises';
import { tool } from '../disks/file-systems.ts';
import * as expect from '../expect/expectations.ts';
import type { Fault } from './fault.ts';

/** "kdumpling-inodes" in hexadecimal. */
const FEW_INODES_UUID = '6b64756d-706c-696e-672d-696e6f646573';
const CRASH = 'echo c > /proc/sysrq-trigger';
/** What the capture keeps free of itself: keepFree's default, and what is written behind the dump. */
const KEPT_MIB = 65;
/** More than a dump of the lab's machine at level 31 by zstd (17 MB), less than one by lzo. */
const ENOUGH_MIB = 20;
/** Some six sevenths of it: the image of the kernel alone is half of so small a dump. */
const SCARCE_MIB = 14;
/** More than enough, and eaten in some seconds. */
const ROOMY_MIB = 160;
/** Free, and for nobody: ext4 keeps 4096 blocks for what it may have to write about others (s_resv_clusters). */
const EXT4_MIB = 16;
/**
 * Free pages in a CPU's own list look like used ones in a dump. Some 20 MB may lie there of what kexec read of the initrd,
 * which do not compress; or not. Nothing of the kind, where the lists are kept short (vm.percpu_pagelist_high_fraction).
 */
const SHORT_LISTS = 'echo 1000000 > /proc/sys/vm/percpu_pagelist_high_fraction';

/**
 * Shell of the first kernel that fills the disk.
 * @param leftMib what is left then, of all blocks (`f`), those set aside for root among them, or of a user's (`a`).
 */
const fill = (leftMib: number, of: 'a' | 'f'): string =>
  `fallocate -l $(( ($(stat -f -c %${of} /disk) * $(stat -f -c %S /disk)) - ${leftMib} * 1048576 )) /disk/filler`;

/** What the dump takes is known then, to a megabyte. */
const roomLeft = (leftMib: number, of: 'a' | 'f'): Pick<Fault, 'beforeArming' | 'trigger'> => ({
  beforeArming: SHORT_LISTS,
  trigger: async () => `${fill(leftMib, of)}; sync; ${CRASH}`,
});

/** A dump as an earlier crash left it. */
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
    help: 'room for a dump at level 31, and not for the one at level 0 that is wished',
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
    help: 'room for a dump by zstd, and not for the one by lzo that is wished',
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
    help: 'the only blocks left are those that the file system sets aside for root',
    ...roomLeft(KEPT_MIB + ENOUGH_MIB, 'f'),
    expectations: [
      ...expect.SOUND_CAPTURE,
      noRoomFor('a stronger codec'),
      takes('it takes root’s', 'the room set aside for root'),
    ],
  },
  {
    name: 'full-oldest-dumps',
    help: 'no room; the oldest of two older dumps may be removed for it',
    crashWords: ['kdumpling.makeRoom=oldest'],
    beforeArming: SHORT_LISTS,
    trigger: async () =>
      [
        olderDump('20250101T000000Z', ENOUGH_MIB),
        olderDump('20250102T000000Z', 4),
        fill(KEPT_MIB, 'f'),
        `sync; ${CRASH}`,
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
    help: 'room for some six sevenths of the tightest dump',
    ...roomLeft(KEPT_MIB + SCARCE_MIB, 'f'),
    expectations: [
      ...incomplete,
      noRoomFor('the room set aside for root'),
      takes('it takes what there is room for', 'an incomplete dump'),
      expect.says(
        'it says what the dump lacks',
        /kdumpling: end: NOT saved: dump: it is incomplete: there was no room for \d+ of \d+ pages; what could be saved is in/,
      ),
      expect.kernelLogSaved,
      expect.incompleteDumpOpens,
    ],
  },
  {
    name: 'full-log-only',
    help: 'room for the kernel’s log and not for a dump',
    ...roomLeft(KEPT_MIB, 'f'),
    expectations: [
      ...incomplete,
      expect.says('it says so', /kdumpling: space: no room for any dump: the kernel’s log is what is saved/),
      expect.says(
        'it says what to do',
        /kdumpling: end: NOT saved: dump: Cannot save a dump: there is room for \d+ bytes, 64M being kept free; remove old dumps/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'full',
    help: 'no block is left at all',
    trigger: async () => `${fill(0, 'f')}; dd if=/dev/zero of=/disk/rest bs=4k 2> /dev/null; sync; ${CRASH}`,
    expectations: [
      expect.armed,
      expect.cameHome,
      expect.fileSystemSound,
      expect.noDumpLooksComplete,
      expect.kernelLogOnConsole,
      expect.says('it says why nothing is saved', /kdumpling: end: NOT saved: .*ENOSPC/),
    ],
  },
  {
    name: 'no-inodes',
    help: 'no inode is left on the target’s disk',
    crashWords: [`kdumpling.target=UUID=${FEW_INODES_UUID}`],
    secondDisk: { sizeMib: 64, make: makeWithoutInodes },
    expectations: [
      expect.armed,
      expect.cameHome,
      expect.fileSystemSound,
      expect.noDumpLooksComplete,
      expect.kernelLogOnConsole,
      expect.says('it says why nothing is saved', /kdumpling: end: NOT saved: target: Cannot make .*ENOSPC/),
    ],
  },
  {
    name: 'eaten-in-dump',
    help: 'something takes all room in mid-dump: what was reserved is there',
    bundle: { entry: 'qemu/faults/bundles/eat-disk.ts' },
    ...roomLeft(ROOMY_MIB, 'a'),
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('the disk was full', /lab fault: the disk is full now/),
    ],
  },
  {
    name: 'eaten-unreserved',
    help: 'likewise without the FFI, and so without fallocate: ENOSPC in mid-write',
    bundle: { entry: 'qemu/faults/bundles/eat-disk.ts' },
    ...roomLeft(ROOMY_MIB, 'a'),
    withoutFfi: true,
    crashWords: ['kdumpling.keepFree=0'],
    expectations: [
      ...incomplete,
      expect.says(
        'the write is refused',
        /kdumpling: space: warning: the target had no room after \d+ bytes/,
      ),
      takes('it takes what there is room for', 'an incomplete dump'),
      expect.kernelLogSaved,
      expect.incompleteDumpOpens,
    ],
  },
  {
    name: 'lying-statfs',
    help: 'the file system says that it has room, and has not',
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
    help: 'the disk returns other bytes than it was given, once',
    bundle: { entry: 'qemu/faults/bundles/read-back.ts' },
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says(
        'it is seen',
        /kdumpling: verify: warning: .*data read back differently.*written once more/,
      ),
    ],
  },
  {
    name: 'read-back-twice',
    help: 'the disk returns other bytes than it was given, whatever is written',
    bundle: { entry: 'qemu/faults/bundles/read-back-twice.ts' },
    expectations: [
      ...incomplete,
      expect.says(
        'it is seen',
        /kdumpling: end: NOT saved: dump: Cannot verify what was written: data read back/,
      ),
      expect.kernelLogSaved,
    ],
  },
];

/** An ext4 with the dump directory, in which each inode is a file's. */
async function makeWithoutInodes(image: string): Promise<void> {
  await tool('mke2fs', ['-q', '-F', '-t', 'ext4', '-N', '16', '-U', FEW_INODES_UUID, image]);
  const free = Number(/Free inodes: +(\d+)/.exec(await tool('dumpe2fs', ['-h', image]))![1]);
  const directories = ['mkdir var', 'mkdir var/crash'];
  const files = Array.from({ length: free - directories.length }, (_, i) => `write /dev/null file-${i}`);
  const commands = `${image}.commands`;
  await writeFile(commands, [...directories, ...files, ''].join('\n'));
  await tool('debugfs', ['-w', '-f', commands, image]);
}
