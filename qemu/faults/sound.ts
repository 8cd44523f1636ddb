/** Runs in which nothing breaks: the capture must be sound on an unusual machine, or is compared with something. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUNTIME_ON_DISK } from '../../initrd/image.ts';
import { sameAsRawCopy } from '../expect/asked-dump.ts';
import { exactAtEveryLevel } from '../expect/every-level.ts';
import * as expect from '../expect/expectations.ts';
import { judgeGuestRam } from '../expect/guest-ram.ts';
import { asGuestSaw } from '../expect/guest-view.ts';
import { CLOCK_1970, type Fault, RAW_COPY_BUNDLE, WITHOUT_FFI } from './fault.ts';
import { asFastAs } from './speed.ts';

/** The plain capture, which `npm start` runs. */
export const SOUND: Fault = {
  name: 'none',
  help: 'nothing goes wrong: the plain capture',
  expectations: [...expect.SOUND_CAPTURE, expect.ffiOpens],
};

export const EVERY_LEVEL: Fault = {
  name: 'every-level',
  help: 'dumps of every level, made from a raw copy of /proc/vmcore, are judged page by page',
  bundle: RAW_COPY_BUNDLE,
  expectations: [...expect.SOUND_CAPTURE, sameAsRawCopy, exactAtEveryLevel],
};

export const GUEST_VIEW: Fault = {
  name: 'guest-view',
  isPlain: true,
  isAboutKernel: true,
  help: 'the autopsy is compared with what the guest’s own kernel says in /proc, and by sysrq-t, just before it crashes',
  // What sysrq-t prints is more than the usual buffer holds.
  kernelWords: ['log_buf_len=2M'],
  beforeCrash: readFileSync(join(import.meta.dirname, '../guest/guest-view.sh'), 'utf8'),
  expectations: [...expect.SOUND_CAPTURE, asGuestSaw],
};

/** With `--trigger other-cpu` the crash kernel starts on the second of them, and must not start the first one: the line has a word for that. */
export const SEVERAL_CPUS: Fault = {
  name: 'several-cpus',
  help: 'the crash kernel has several CPUs and memory for them: threads compress the dump',
  cpus: 4,
  crashkernel: '256M',
  crashWords: ['nr_cpus=4'],
  // Compressing a small machine's memory by the others takes less time than starting a thread.
  options: { codec: 'zlib' },
  expectations: [
    expect.says('threads compress', /kdumpling: dump: [34] threads compress/),
    expect.neverSays('no thread fails', /kdumpling: dump: warning: one thread/),
    ...expect.SOUND_CAPTURE,
  ],
};

export const GOES_BESIDE = expect.says(
  'the dump is made meanwhile',
  /kdumpling: autopsy: another CPU reads the memory while the dump is made/,
);

/** Of three CPUs the crash kernel has two, whichever of them crashed: it must not start the first one again. */
export const TWO_CPUS: Pick<Fault, 'cpus' | 'crashWords'> = { cpus: 3, crashWords: ['nr_cpus=2'] };

const IS_ANOTHER =
  /kdumpling: early: the runtime image on the disk is not the one that this initrd was built with/;

const FFI_MISSING = expect.says(
  'the serial log says that the FFI is missing',
  /kdumpling: system: warning: Cannot open the FFI/,
);

/** Another time in its superblock makes the first kernel's copy another image (Linux fs/squashfs/squashfs_fs.h, mkfs_time). */
const OTHER_RUNTIME = `printf lab1 | dd of=/disk${RUNTIME_ON_DISK} bs=1 seek=8 conv=notrunc 2> /dev/null`;

export const SOUND_RUNS: readonly Fault[] = [
  SOUND,
  {
    name: 'beside-dump',
    help: 'the crash kernel has a second CPU, which makes the autopsy beside the dump',
    ...TWO_CPUS,
    expectations: [GOES_BESIDE, ...expect.SOUND_CAPTURE],
  },
  {
    name: 'no-ffi',
    help: 'the FFI does not load: mounting, loading, compressing and rebooting use their fallbacks',
    beforeNode: WITHOUT_FFI,
    expectations: [FFI_MISSING, ...expect.SOUND_CAPTURE],
  },
  {
    name: 'guest-ram',
    help: 'the captured pages are compared with the memory that QEMU sees, and QEMU’s own dumps are filtered',
    takesGuestRam: true,
    expectations: [...expect.SOUND_CAPTURE, judgeGuestRam],
  },
  {
    name: 'lean',
    help: 'Node is on the boot disk and not in the image',
    layout: 'lean',
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.ffiOpens,
      expect.neverSays('the runtime image on the disk is the initrd’s', IS_ANOTHER),
    ],
  },
  {
    name: 'other-runtime',
    help: 'Node is on the boot disk, in an image of another package, without the FFI',
    layout: 'lean',
    beforeArming: OTHER_RUNTIME,
    beforeNode: WITHOUT_FFI,
    expectations: [
      expect.says('the serial log says that it is another', IS_ANOTHER),
      FFI_MISSING,
      ...expect.SOUND_CAPTURE,
    ],
  },
  {
    name: 'whole-node',
    help: 'the boot disk has no runtime image, so that the whole Node is in the capture image',
    withoutRuntimeOnDisk: true,
    expectations: [...expect.SOUND_CAPTURE, expect.ffiOpens],
  },
  {
    name: 'fast-machine',
    notOn: { arm64: 'its reservation is the smallest of x86' },
    help: 'the smallest reservation, lean, on an emulated machine that is 20 times as fast',
    kernel: { series: '6.1', flavour: 'cloud' },
    layout: 'lean',
    crashkernel: '80M',
    beforeNode: asFastAs(20),
    expectations: expect.SOUND_CAPTURE,
  },
  {
    name: 'on-ahci',
    help: 'the boot disk is on AHCI, for which Debian’s cloud kernel 6.1 has no driver',
    kernel: { series: '6.1', flavour: 'generic' },
    disk: { bus: 'ahci' },
    expectations: expect.SOUND_CAPTURE,
  },
  {
    name: 'on-vfat',
    help: 'the boot disk has a FAT file system',
    disk: { fs: 'vfat' },
    expectations: expect.SOUND_CAPTURE,
  },
  {
    name: 'clock-1970',
    help: 'the machine’s clock was never set',
    devices: CLOCK_1970,
    expectations: [
      expect.says('the capture is announced as saved', /kdumpling: end: saved \/var\/crash\/1970/),
      ...expect.SOUND_CAPTURE,
      expect.clockIsNotTrusted,
    ],
  },
  {
    name: 'ima-enforced',
    help: 'the first kernel opens only files with a good hash (IMA appraisal), which the image’s files lack',
    kernelWords: ['ima_policy=appraise_tcb', 'ima_appraise=enforce'],
    // The policy appraises root's files, and exempts tmpfs and the initramfs (Linux security/integrity/ima/ima_policy.c).
    beforeArming: `cat /disk/boot/vmlinuz-* > /dev/null && give_up "IMA does not enforce"
say "IMA refuses the kernel image"
chown -R 1 $(ls -d /disk/boot /disk/lab /disk/usr 2> /dev/null)`,
    expectations: [
      expect.says('the first kernel enforces', /^lab: IMA refuses the kernel image/),
      ...expect.SOUND_CAPTURE,
      expect.crashKernelWithout('the crash kernel’s command line has none of it', /\bima/),
    ],
  },
  {
    name: 'vmcore-eio',
    help: 'reads of a part of /proc/vmcore fail with EIO (mocked)',
    bundle: { entry: 'qemu/faults/bundles/vmcore-eio.ts' },
    beforeNode: WITHOUT_FFI,
    expectations: [
      expect.says('a warning says so', /kdumpling: dump: warning: page \d+ is written as zeros/),
      ...expect.SOUND_CAPTURE,
    ],
  },
];
