/** The documents of `show --json` and `estimate --json`. */
import { LAYOUTS } from '../../../initrd/layouts.ts';
import { ESTIMATE_FORMAT } from '../estimate/text.ts';
import { STATE_FORMAT } from '../status/text.ts';
import { DUMP, IGNORED } from './dumps.ts';
import {
  count,
  document,
  flag,
  list,
  mapOf,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  text,
  texts,
} from './schema.ts';

const WORDS = (description: string) =>
  list(description, object('A word.', { word: text('The word.'), why: text('The reason.') }));

const TARGET = object('Where dumps go.', {
  target: text('The device, as `UUID=…` where it has one.'),
  fstype: text('The type of its file system.'),
  path: text('The dump directory from the root of that file system.'),
  targetUuid: text('The file system’s UUID where `target` is a device; otherwise empty.'),
  mountOptions: text('The mount options of the running machine.'),
  device: optional(text('The block device; absent where there is none now.')),
  location: object('Where the dump directory is on the running machine.', {
    kind: oneOf('Whether it is seen.', 'visible', 'hidden', 'not mounted'),
    directory: optional(text('The directory.')),
    by: optional(text('The mount that hides it.')),
    mountpoint: optional(text('Where fstab would mount the file system.')),
  }),
  directory: optional(text('The dump directory, where it is visible.')),
  unknownSubvolume: optional(text('A subvolume that the config names and that was not found.')),
});

const CRASH_CPUS = object('How many CPUs the crash kernel gets; absent for an image.', {
  count: count('At most.'),
  why: text('Why so many, and no more.'),
  nextBytes: optional(count('The reservation that is for one more; absent where more memory adds none.')),
});

export const SHOW = document(
  'Whether a crash would be captured, and what was captured before.',
  STATE_FORMAT,
  {
    enabled: flag('The next boot reserves memory.'),
    ready: flag('This boot reserved memory.'),
    loaded: flag('A crash kernel is loaded.'),
    armed: flag('A crash would be captured; of an image, a crash of a machine that boots from it.'),
    verdict: text('The same in words, with what to do.'),
    kernel: text('The release of the kernel; of an image, of the newest one.'),
    initrd: optional(text('The initrd for a capture.')),
    reservedBytes: count('The memory that is reserved for the crash kernel alone.'),
    reservedCmaBytes: count('What is lent to processes until a crash (`crashkernel=…,cma`).'),
    neededBytes: count('The least that a capture needs.'),
    crashCpus: optional(CRASH_CPUS),
    target: optional(TARGET),
    roomBytes: optional(number('How large a dump may be.')),
    predictedDumpBytes: optional(count('How large one would be now; absent for an image.')),
    secureBoot: flag('The firmware starts signed code only.'),
    lockdown: text('The kernel’s lockdown mode: `none`, `integrity` or `confidentiality`.'),
    sysctls: mapOf('Kernel settings that decide whether an error becomes a panic.', { type: 'string' }),
    findings: list(
      'What is wrong.',
      object('A finding.', {
        check: text('What was checked.'),
        blocks: flag('A crash would not be captured; otherwise it is a warning.'),
        text: text('What is wrong.'),
        fix: text('What to do.'),
      }),
    ),
    commandLine: object('The command line of the crash kernel.', {
      text: text('The line.'),
      bytes: count('Its length.'),
      longestBytes: count('The longest that the kernel takes.'),
      added: WORDS('What kdumpling added.'),
      appended: texts('What `command_line_append` added.'),
      leftOut: WORDS('What was left out of the running kernel’s command line.'),
    }),
    test: optional(
      object('The result of the last `kdumpling test`.', {
        passed: flag('The crash was captured.'),
        text: text('The same in words.'),
        changed: texts('What has changed since.'),
      }),
    ),
    dumps: list('The dumps of this machine, newest last.', DUMP),
    ignored: list('What looks like a dump and is not used.', IGNORED),
  },
);

const TERM = object('A part of the reservation.', { bytes: count('How much.'), why: text('What for.') });

export const ESTIMATE: Schema = document(
  'How much memory to reserve, and how large a dump would be.',
  ESTIMATE_FORMAT,
  {
    reservedBytes: count('What is reserved now for the crash kernel alone.'),
    reservedCmaBytes: count('What is lent to processes until a crash (`crashkernel=…,cma`).'),
    crashCpus: optional(CRASH_CPUS),
    layouts: list(
      'What each layout of the initrd needs.',
      object('A layout.', {
        layout: oneOf('Its name.', ...LAYOUTS),
        terms: list('What makes up the least.', TERM),
        headroomBytes: count(
          'What `kdumpling enable` adds to it: for the autopsy, the next kernel, a driver more.',
        ),
        leastBytes: count('With less, a capture is likely to run out of memory.'),
        advisedBytes: count('What `kdumpling enable` reserves where nothing is lent.'),
        loadBytes: optional(
          count(
            'What kexec puts into one piece of it: the unpacked kernel and the initrd; absent where the kernel is not known.',
          ),
        ),
        lending: optional(
          object('What `kdumpling enable` reserves where a part is lent; absent where nothing is.', {
            plainBytes: count('For the crash kernel alone.'),
            cmaBytes: count('Lent to processes until a crash.'),
          }),
        ),
      }),
    ),
    dump: optional(
      object('A dump taken now; absent for an image, of whose memory nothing is known.', {
        keptBytes: count('Memory that is kept.'),
        usualBytes: number('What that usually takes on the disk.'),
        mostBytes: count('What it takes if nothing can be compressed.'),
        seconds: number('From the panic to the reboot.'),
      }),
    ),
    roomBytes: optional(number('How large a dump may be; absent where the target is not mounted.')),
  },
);
