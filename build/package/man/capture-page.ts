/** kdumpling-capture(7): what happens in the crash kernel, how to steer it, and what its console lines mean. */
import { OPTION_MEANINGS } from '../../../capture/options/meanings.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import type { Manifest } from '../../../capture/storage/manifest.ts';
import { type ConsoleLine, END_LINES, FAILURE_LINES, OTHER_LINES } from './console-lines.ts';
import type { Definition, Page } from './roff.ts';

const PHASES: readonly Definition[] = [
  {
    term: '`early`',
    text: [
      'A small shell script mounts `/proc`, `/sys` and `/dev`, starts the supervisor, takes over the hardware watchdogs, mounts the runtime image and becomes the capture program.',
    ],
  },
  {
    term: '`open`',
    text: [
      'Maps `/proc/vmcore` and checks its ELF headers, notes and vmcoreinfo. If the vmcore is unusable, the log and the manifest are still written.',
    ],
  },
  {
    term: '`target`',
    text: [
      'Loads the modules of the disk, waits for the file system, mounts it and makes the directory of the dump. If no target works, the crashed kernel’s log goes to the console in full.',
    ],
  },
  {
    term: '`dmesg`',
    text: ['Writes the crashed kernel’s log and syncs it before anything else is done.'],
  },
  {
    term: '`plan`',
    text: ['Classifies the pages, predicts the size of the dump and reserves the room for it.'],
  },
  {
    term: '`dump`',
    text: ['Writes the pages to `vmcore-incomplete`, whose header says "incomplete" until the last write.'],
  },
  {
    term: '`verify`, `commit`',
    text: [
      'Reads everything back against the digests taken while writing, syncs, renames the file to `vmcore`, syncs the directory and writes the manifest.',
    ],
  },
  {
    term: '`unmount`, `end`',
    text: ['Unmounts the target and reboots: by the system call, else by busybox, else by sysrq.'],
  },
];

const SAFETY_NETS: readonly Definition[] = [
  {
    term: 'the deadline (`deadlineSeconds`)',
    text: [
      'Acts when the capture takes too long. It ends as after any failure: what was saved is made safe.',
    ],
  },
  {
    term: 'the supervisor (a process of its own)',
    text: [
      'Acts when nothing moves for `stallTimeout` seconds, or when the deadline passed a minute ago. It names the phase, shows the kernel’s stacks of blocked tasks, syncs and reboots by sysrq.',
    ],
  },
  {
    term: 'the watchdogs (up to four; else the softdog)',
    text: [
      'Act when the supervisor cannot run either. They reset the machine after 60 seconds. Drivers: iTCO, i6300esb, sp5100, hpwdt, WDAT, SBSA, Xen.',
    ],
  },
  {
    term: '`panic=10` on the command line',
    text: ['Acts when the program dies, or when the crash kernel panics. The kernel reboots.'],
  },
];

const FILES: readonly Definition[] = [
  {
    term: '`vmcore`',
    text: [
      'The dump, in the kdump-compressed format, header version 6. A dump of this name is complete and was read back.',
    ],
  },
  {
    term: '`vmcore-incomplete`',
    text: [
      'A dump that was not finished, or that did not fit. The manifest says why, and what it lacks. Missing pages are marked as makedumpfile marks them; `crash --zero_excluded` reads them as zeros.',
    ],
  },
  {
    term: '`vmcore-triage`',
    text: [
      'A complete dump of some thousand pages, in which crash and drgn show log, tasks, all stacks and modules. It is made before `vmcore`, or after it where another CPU made the autopsy meanwhile, where the autopsy could be made and there is room. With `triage=tables`, `kdumpling bt`, `ps` and the others read it without debug symbols.',
    ],
  },
  { term: '`vmcore-dmesg.txt`', text: ['The crashed kernel’s log.'] },
  {
    term: '`autopsy.txt`, `autopsy.json`',
    text: [
      'Class, culprit, registers and stack of the crash, all CPUs, tasks by stack, who waits for whom, modules and memory use, as text and as JSON. They are read from memory before the dump is made, or on another CPU while it is, in a process of its own, where 22 MiB are available. `kdumpling report` uses them when the dump is lost.',
    ],
  },
  { term: '`kexec-dmesg.log`', text: ['The crash kernel’s own log with the lines of the capture, by time.'] },
  { term: '`manifest.json`', text: ['What was captured; see `MANIFEST`.'] },
];

/** Typed by the manifest: a new member of it does not compile without a row here. */
export const MANIFEST_MEMBERS: Readonly<Record<keyof Manifest, string>> = {
  format: 'The version of this description: 1.',
  program: 'Name and version of the program.',
  state:
    '`complete`: a whole, verified `vmcore` is beside the manifest. `incomplete`: it is not. `skipped`: there is none on purpose.',
  failure: 'Why the dump is not complete.',
  stamp: 'When the machine crashed, by which clock, and whether that clock can be trusted.',
  kernel: 'Release, build id and version of the crashed kernel; type and name of its machine.',
  crash: 'The panic line, and how long the kernel had run.',
  dump: 'The file’s name, format, dump level, codec, bytes, pages by class, and the digests of its regions.',
  space:
    'Room on the target before the dump, the size that was predicted, the steps that were tried for room, and the dumps that were removed.',
  triage: 'The same of `vmcore-triage`.',
  autopsy:
    'Whether `autopsy.txt` and `autopsy.json` were written (`saved`, `skipped`, `failed`) and why not; class and culprit of the crash.',
  files: 'Name and size of each file of the dump.',
  seconds: 'Seconds by phase; `boot` counts from the crash kernel’s start.',
  memory: 'The memory of the crash kernel, and the least of it that was available at any time, in bytes.',
  cpus: 'The CPUs of the crash kernel, and how many threads compressed the dump.',
  warnings: 'All warnings of the console.',
};

/** What is tried when the dump does not fit, in this order, and what each step costs. */
const ROOM: readonly Definition[] = [
  { term: 'as configured', text: ['Costs nothing. Only room that any user may have is taken.'] },
  { term: 'dump level 31', text: ['Pages that the configured level would have kept.'] },
  { term: 'a stronger codec (zstd level 4)', text: ['Time.'] },
  { term: 'the blocks set aside for root', text: ['Nothing, but the disk is as full for users as before.'] },
  { term: 'the oldest dumps, with `makeRoom=oldest`', text: ['Those dumps, never the newest complete one.'] },
  {
    term: 'an incomplete dump',
    text: [
      'All pages but those that a debugger needs first: tasks, stacks, the data of the kernel and of its CPUs, page tables, modules.',
    ],
  },
  { term: 'the kernel log', text: ['The dump.'] },
];

export const CAPTURE_PAGE: Page = {
  name: 'kdumpling-capture',
  section: 7,
  manual: 'Miscellaneous Information',
  summary: 'how kdumpling captures a kernel crash, and what its console lines mean',
  sections: [
    {
      title: 'Description',
      blocks: [
        'After a kernel panic, the crash kernel boots in the memory that `crashkernel=` reserved. kdumpling is its PID 1. It saves the crashed kernel’s log and memory to the machine’s own disk, reports each step on the serial console, and reboots. The crashed kernel’s memory stays as it was and is read as `/proc/vmcore`.',
        { subsection: 'Phases' },
        { definitions: PHASES },
        { subsection: 'When the capture does not finish' },
        'Four mechanisms bring the machine back. Each acts when the one before it cannot:',
        { definitions: SAFETY_NETS },
      ],
    },
    {
      title: 'Options',
      blocks: [
        'The options are stored in the image, as `/etc/kdumpling.json`. `kdumpling load` takes them from kdump.conf(5). A word `kdumpling.<option>=<value>` on the crash kernel’s command line overrides one; a wrong value is reported and ignored.',
        { definitions: Object.entries(OPTION_MEANINGS).map(optionDefinition) },
      ],
    },
    {
      title: 'Target',
      blocks: [
        'A RAID or LVM member is never mistaken for a file system. Symbolic links on the way to the dump directory are not followed; name the real path. The capture waits `deviceTimeoutSeconds` for the device.',
        'When the target fails, even in the middle of a dump, the capture starts again on the next of `fallbackTargets`. What was saved on the first one stays there. A fallback may be a partition without a file system, `raw PARTUUID=…`, which `kdumpling recover --mark` prepares.',
      ],
    },
    {
      title: 'Room for a dump',
      blocks: [
        'The size of the dump is predicted before it is written, and its room is reserved. If the dump does not fit, these steps are tried in turn; each is logged, with what it costs:',
        { definitions: ROOM },
      ],
    },
    {
      title: 'Files',
      blocks: [
        'Each dump has a directory `/var/crash/<stamp>/` of mode 0700 with files of mode 0600. The stamp is the time of the crash in UTC, for example `20261121T220234Z`.',
        { definitions: FILES },
      ],
    },
    {
      title: 'Manifest',
      blocks: [
        'An object with these members; those that do not apply are absent:',
        {
          definitions: Object.entries(MANIFEST_MEMBERS).map(([name, text]) => ({
            term: `\`${name}\``,
            text: [text],
          })),
        },
      ],
    },
    {
      title: 'Serial console',
      blocks: [
        'Every line begins with `kdumpling:` and the phase. In the lines below, `…`, `N` and `<words>` stand for what the program fills in.',
        { subsection: 'How a capture ends' },
        { definitions: END_LINES.map(lineDefinition) },
        { subsection: 'Reasons of a failure' },
        { definitions: FAILURE_LINES.map(lineDefinition) },
        { subsection: 'Other lines' },
        { definitions: OTHER_LINES.map(lineDefinition) },
      ],
    },
    { title: 'See also', blocks: ['kdumpling(8), kdump.conf(5), crash(8), kexec(8)'] },
  ],
};

function optionDefinition([name, meaning]: [string, string]): Definition {
  const standard: unknown = (DEFAULT_OPTIONS as Record<string, unknown>)[name];
  const isShown = standard !== undefined && String(standard) !== '';
  return { term: `\`${name}\``, text: [isShown ? `${meaning} Default: \`${standard}\`.` : meaning] };
}

function lineDefinition({ lines, meaning, toDo }: ConsoleLine): Definition {
  return { term: lines.map(line => `\`${line}\``).join(', '), text: [meaning, ...(toDo ? [toDo] : [])] };
}
