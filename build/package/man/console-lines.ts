/**
 * The lines that an operator meets on the serial console, what each one means and what to do. `…`, `N` and `<words>` stand
 * for what the program fills in. A test holds the fixed words against the sources of the capture and the early stage.
 */
import { ADVICE } from '../../../capture/flow/advice.ts';

export interface ConsoleLine {
  /** One line, or several of the same kind. */
  readonly lines: readonly string[];
  readonly meaning: string;
  /** Absent where there is nothing to do. */
  readonly toDo?: string;
}

/** What the reasons of capture/flow/advice.ts mean, by the first code of each. */
const MEANINGS: Readonly<Record<string, string>> = {
  DEVICE_MISSING: 'The disk is missing, or its driver is not in the image.',
  NO_WAY_WORKED: 'The file system does not mount.',
  READ_ONLY: 'The file system is damaged.',
  NOT_A_DIRECTORY: 'A file or a symbolic link stands where the dump directory should be.',
  ENOSPC: 'The target is full.',
  EIO: 'The disk fails.',
  DEADLINE: 'The overall deadline passed.',
  ENOMEM: 'The reservation is too small.',
  OPEN_FAILED: 'There is no vmcore to read.',
};

export const FAILURE_LINES: readonly ConsoleLine[] = ADVICE.map(({ codes, line, toDo }) => ({
  lines: [line],
  meaning: MEANINGS[codes[0]!]!,
  toDo: `${toDo[0]!.toUpperCase()}${toDo.slice(1)}.`,
}));

export const END_LINES: readonly ConsoleLine[] = [
  {
    lines: ['kdumpling: end: saved /var/crash/…'],
    meaning: 'The dump is complete and verified.',
    toDo: 'Open it: `crash vmlinux /var/crash/…/vmcore`.',
  },
  {
    lines: [
      'kdumpling: end: NOT saved: <phase>: <reason>; what to do: <advice>; what could be saved is in …',
    ],
    meaning: 'The capture failed. The reason is one of those below, or a bug of kdumpling.',
    toDo: 'Follow the advice in the line.',
  },
  {
    lines: ['kdumpling: end: NOT saved: a crash loop: … just before this one (crashLoop N/N)'],
    meaning: 'No dump was made, as configured. The kernel log and the autopsy are saved.',
    toDo: 'Look at the dumps before it. `crashLoop=0` turns the guard off.',
  },
];

export const OTHER_LINES: readonly ConsoleLine[] = [
  {
    lines: ['kdumpling: target: waiting for …, N of N s; there are …'],
    meaning: 'The target’s device has not appeared yet.',
    toDo: 'Wait. If it never appears, compare the devices named with the target.',
  },
  {
    lines: ['kdumpling: target: warning: … is … now, by its UUID …'],
    meaning: 'The names of the disks have changed. The right disk was taken.',
    toDo: 'Name the target by `UUID=`.',
  },
  {
    lines: ['kdumpling: target: warning: the file system on … says that it has errors'],
    meaning: 'The file system is repaired first, if `fsck` allows it.',
    toDo: 'Check the disk.',
  },
  {
    lines: ["kdumpling: dmesg: ----- begin of the crashed kernel's log -----"],
    meaning: 'No disk took the log, so it follows here in full, up to an end mark.',
    toDo: 'Save the text of the console and run `kdumpling recover` on it.',
  },
  {
    lines: ['kdumpling: autopsy: … is safe: the crash is of class …, in …'],
    meaning:
      'Stacks and tasks are on the disk. The class and the function are what the stack says of the crash.',
  },
  {
    lines: ['kdumpling: autopsy: another CPU reads the memory while the dump is made'],
    meaning: 'Stacks and tasks are written as soon as they are read, and the small dump after the dump.',
  },
  {
    lines: ['kdumpling: autopsy: skipped: … MiB of memory are available, it needs …'],
    meaning: 'Stacks and tasks are not written beside the dump, which has them.',
    toDo: 'Nothing. A larger reservation has room for it.',
  },
  {
    lines: ['kdumpling: autopsy: skipped: …'],
    meaning:
      'The option is `no`, or the crashed kernel has no symbols or types in its memory. The line says which.',
  },
  {
    lines: ['kdumpling: autopsy: warning: it was ended: …'],
    meaning:
      'Reading stacks and tasks took too long or too much memory, as it may in damaged memory. The dump has them.',
  },
  {
    lines: ['kdumpling: autopsy: warning: …'],
    meaning: 'Stacks and tasks could not be read or written. The dump has them.',
  },
  {
    lines: ['kdumpling: triage: … is safe: … pages, … bytes'],
    meaning: 'The small dump is on the disk and was read back: crash and drgn open it.',
  },
  {
    lines: ['kdumpling: triage: skipped: …'],
    meaning: 'There is no small dump beside the dump, which has all of it. The line says why.',
  },
  {
    lines: ['kdumpling: triage: warning: …'],
    meaning: 'The small dump could not be written. The dump does not need it.',
  },
  {
    lines: ['kdumpling: system: warning: … system call: …'],
    meaning: 'The first way to do this failed, and the second one was taken.',
    toDo: 'Nothing now. Find out why before the next crash.',
  },
  {
    lines: ['kdumpling: system: warning: Cannot open the FFI …'],
    meaning: '`koffi.node` is missing or damaged in the image.',
    toDo: 'Rebuild the image.',
  },
  {
    lines: ['kdumpling: space: no room for …: it needs up to … bytes, there are …'],
    meaning: 'The next step is tried. A later line names the step that was taken.',
    toDo: 'Free space, or set `keep_free`, `make_room` or `fallback_target`.',
  },
  {
    lines: ['kdumpling: space: no room for any dump: …'],
    meaning: 'Only the kernel log is saved.',
    toDo: 'Free space, or set `keep_free`, `make_room` or `fallback_target`.',
  },
  {
    lines: ['kdumpling: space: warning: the target had no room after … bytes; …'],
    meaning: 'The file system took less than it had reported as free.',
    toDo: 'Free space, or set `keep_free`, `make_room` or `fallback_target`.',
  },
  {
    lines: ['kdumpling: retention: removed the … dump …'],
    meaning: 'An older dump was deleted, as the options allow.',
    toDo: 'To keep more, change `keep_dumps`, `max_use` or `make_room`.',
  },
  {
    lines: ['kdumpling: retention: warning: in … there stays what is not ours: …'],
    meaning: 'A deleted dump’s directory held files that kdumpling did not write.',
    toDo: 'Move these files, and remove the directory.',
  },
  {
    lines: ['kdumpling: verify: warning: … read back differently …'],
    meaning: 'The disk returned other bytes than those that were written.',
    toDo: 'Replace the disk.',
  },
  {
    lines: ['kdumpling: dump: choosing pages: … % of … MB, … MB/s, ETA … s'],
    meaning: 'The memory map of a machine of terabytes takes minutes to read. The dump itself follows.',
  },
  {
    lines: ['kdumpling: space: choosing the pages that are needed most: … searched'],
    meaning:
      'There is no room for the whole dump, and the search for what a debugger starts with takes long.',
  },
  {
    lines: ['kdumpling: verify: … % of … MB, … MB/s, ETA … s'],
    meaning: 'A large dump is read back from the disk.',
  },
  {
    lines: ['kdumpling: dump: N threads compress', 'kdumpling: dump: one thread compresses on N CPUs: …'],
    meaning:
      'The crash kernel has several CPUs. A thread takes some 13 MiB, and only starts where that is to spare.',
  },
  {
    lines: ['kdumpling: dump: warning: one thread makes the rest of the dump: …'],
    meaning: 'A further thread failed. The dump is the same, and takes longer.',
  },
  {
    lines: ['kdumpling: dump: warning: page N is written as zeros: …'],
    meaning: 'The vmcore did not give that page. The manifest counts such pages.',
  },
  {
    lines: [
      'kdumpling: early: NOT saved: cannot mount the runtime image',
      'Initramfs unpacking failed: write error',
    ],
    meaning:
      'The image was not unpacked whole: the reservation is too small, or `rootfstype=ramfs` is missing from the command line.',
    toDo: 'Reserve more with `crashkernel=`.',
  },
  {
    lines: [
      "kdumpling: early: NOT saved: there is no …; the crash kernel's command line needs retain_initrd",
    ],
    meaning:
      'The image is for a kernel that keeps the initrd in memory, and the command line does not tell it to: another tool loaded it, or `command_line_remove` names the word.',
    toDo: 'Load it with `kdumpling load`.',
  },
  {
    lines: ['kdumpling: early: NOT saved: there is no …; is the package installed on that disk?'],
    meaning:
      'With `layout lean`, Node is on the disk in `/usr/lib/kdumpling/runtime.squashfs`, and was not found there. Or it was wanted there, see the line above.',
    toDo: 'Install the package again, and load with `kdumpling load`.',
  },
  {
    lines: [
      'kdumpling: early: the runtime image on the disk is not the one that this initrd was built with; run kdumpling load after the reboot',
    ],
    meaning:
      'The capture takes Node from `/usr/lib/kdumpling/runtime.squashfs`, which is of another package than the initrd: that was installed or restored, and the crash kernel was not loaded since. The capture goes on with what is there, and by other ways without what is not (`Cannot open the FFI`).',
    toDo: 'Load with `kdumpling load`; `kdumpling show` says whether the initrd is the one that would be built now.',
  },
  {
    lines: [
      'kdumpling: early: the capture called a part of Node that the image lacks; it starts again with the whole Node, from the disk',
    ],
    meaning:
      'The initrd has the code of Node that captures use. This one wanted more, which is on the disk in `/usr/lib/kdumpling/runtime.squashfs`. What it had saved stays, in a directory of its own; the dump is in the one whose name ends with `-2`.',
    toDo: 'Report it with the log.',
  },
  {
    lines: ['kdumpling: early: memory is not compressed'],
    meaning:
      'Memory is short, and zram, into which some of the program’s would go, did not start. The capture goes on with what there is.',
    toDo: 'Reserve more with `crashkernel=`, or take zram out of `command_line_append modprobe.blacklist=…`.',
  },
  {
    lines: ['kdumpling: early: a helper process called a part of Node that the image lacks, and ends'],
    meaning: 'The same in the autopsy, which is missing then. The dump follows.',
    toDo: 'Report it with the log.',
  },
  {
    lines: [
      'kdumpling: watch: NOT finished: stuck in the phase <phase>, no progress for N s, <count> MiB of memory available; …',
    ],
    meaning: 'The supervisor rebooted the machine.',
    toDo: 'The stacks below the line show what is blocked. For a slow disk, set a larger `stallTimeout`.',
  },
  {
    lines: [
      'kdumpling: watch: NOT finished: too little memory: code is read again and again without progress, <count> pages in the phase <phase>; rebooting by sysrq',
    ],
    meaning:
      'The supervisor rebooted the machine: the crash kernel dropped the program’s code for lack of memory and read it back, again and again.',
    toDo: 'Reserve more with `crashkernel=`.',
  },
  {
    lines: [
      'kdumpling: watch: NOT finished: too little memory: none can be freed, <count> tries without progress in the phase <phase>; rebooting by sysrq',
    ],
    meaning:
      'The supervisor rebooted the machine: the crash kernel had no memory left, and could not end the program for it.',
    toDo: 'Reserve more with `crashkernel=`.',
  },
  {
    lines: ['kdumpling: watch: NOT finished after N s, in the phase <phase>; rebooting by sysrq'],
    meaning: 'The supervisor rebooted the machine at the deadline.',
    toDo: 'Set a larger `deadlineSeconds`, or report the line with the log.',
  },
  {
    lines: ['kdumpling: shell: the dump was not saved: <reason>'],
    meaning:
      '`failureAction=shell` is set: a busybox shell runs on the console, with the target mounted on `/target`.',
    toDo: 'The lines below it say what to try. `exit` ends the shell and reboots.',
  },
  {
    lines: ['kdumpling: shell: no input or output for N s; the shell is closed'],
    meaning: 'Nobody used the rescue shell. The final action follows.',
  },
  {
    lines: ['kdumpling: shell: warning: …'],
    meaning: 'The target could not be mounted for the shell, or commands need `busybox` before them.',
    toDo: 'Mount it by hand.',
  },
  {
    lines: ['kdumpling: open: warning: …'],
    meaning:
      'The vmcore, or what the kernel says of itself in it, is inconsistent. Fewer pages are left out of the dump.',
  },
  {
    lines: ['kdumpling: options: warning: Cannot use the option …'],
    meaning: 'A `kdumpling.` word on the command line is wrong. The value in the image is used.',
    toDo: 'Correct the word.',
  },
  {
    lines: ['kdumpling: target: warning: …'],
    meaning: 'A module did not load, or the target is unusual.',
    toDo: 'Nothing, if the target is found.',
  },
  {
    lines: ['kdumpling: dmesg: warning: …'],
    meaning: 'The kernel log is not on the disk, or not all of it. The dump holds it too.',
  },
  {
    lines: ['kdumpling: dump: warning: …'],
    meaning:
      'Fewer pages could be left out, another codec was taken, or the bitmap could not be moved from memory to a file.',
  },
  {
    lines: ['kdumpling: commit: warning: …', 'kdumpling: unmount: warning: …'],
    meaning: 'The last files were not written, or the file system stays mounted. The dump was synced before.',
  },
  {
    lines: ['kdumpling: watchdog: warning: … keeps its own time: …'],
    meaning: 'The watchdog’s timeout could not be set. It is fed every second.',
  },
  {
    lines: ['kdumpling: watchdog: none found that the image has a driver for'],
    meaning: 'No hardware watchdog guards the capture. The supervisor and `panic=` still do.',
    toDo: 'Nothing, or rebuild the image with the watchdog’s driver.',
  },
  {
    lines: ['kdumpling: watch: in the phase <phase> for N s, last progress N s ago'],
    meaning:
      'The capture has written no other line for 50 s: it is at work, or waits for what the phase is about. So each minute has a line at least, whatever the phase.',
    toDo: 'Nothing. Without progress for `stall_timeout` the supervisor reboots the machine.',
  },
  {
    lines: ['kdumpling: console: it was stopped; N lines are missing here'],
    meaning:
      'Somebody stopped the terminal (Ctrl-S), or the line has flow control and nobody reads. The lines are in `kexec-dmesg.log`.',
  },
  {
    lines: ['Kernel panic - not syncing: System is deadlocked on memory'],
    meaning: 'The reservation is too small for the capture.',
    toDo: 'Reserve more with `crashkernel=`.',
  },
  {
    lines: ['Kernel panic - not syncing: Attempted to kill init!'],
    meaning: 'The capture program died. The lines above say why.',
    toDo: 'Report it with the log.',
  },
];

export const CONSOLE_LINES: readonly ConsoleLine[] = [...END_LINES, ...FAILURE_LINES, ...OTHER_LINES];
