/** What to do about a capture that failed, by the error's code. The README's table of console lines has the same rows. */
import { describeError } from '../errors.ts';
import type { Log } from '../log.ts';

export interface Advice {
  /** Codes of errors: ours, or errno's names. */
  readonly codes: readonly string[];
  /** How the line begins on the console, for the README. */
  readonly line: string;
  readonly toDo: string;
}

export const ADVICE: readonly Advice[] = [
  {
    codes: ['DEVICE_MISSING', 'LVM_METADATA'],
    line: 'Cannot find the dump target …',
    toDo: 'compare the devices named with the target; rebuild the image with the driver of its disk',
  },
  {
    codes: ['NO_WAY_WORKED', 'BUSYBOX_FAILED', 'SYSCALL_FAILED'],
    line: 'Cannot mount: …',
    toDo: 'check the file system with fsck; rebuild the image if it was built for another one',
  },
  {
    codes: ['READ_ONLY', 'FSCK_FAILED', 'EROFS', 'EUCLEAN'],
    line: 'Cannot write to …: the kernel mounted it read-only',
    toDo: 'repair the file system with fsck',
  },
  {
    codes: ['NOT_A_DIRECTORY', 'NAMES_TAKEN', 'EEXIST', 'ENOTDIR'],
    line: 'Cannot use the dump directory …',
    toDo: 'move away what lies in the place of the dump directory',
  },
  {
    codes: ['ENOSPC', 'EDQUOT'],
    line: 'Cannot write the dump: ENOSPC …',
    toDo: 'make room on the target, or have less dumped by dumpLevel',
  },
  {
    codes: ['EIO', 'ENXIO', 'ENODEV', 'EREMOTEIO', 'READ_BACK'],
    line: 'Cannot write the dump: EIO …',
    toDo: "look at the disk's errors in the kernel's lines; dump to another disk",
  },
  {
    codes: ['DEADLINE'],
    line: "Cannot go on with the phase …: the capture's N s are over",
    toDo: 'set a larger deadlineSeconds',
  },
  {
    codes: ['ENOMEM', 'ERR_BUFFER_TOO_LARGE', 'ERR_MEMORY_ALLOCATION_FAILED'],
    line: 'Cannot …: ENOMEM …',
    toDo: 'reserve more by crashkernel=',
  },
  {
    codes: [
      'OPEN_FAILED',
      'EMPTY',
      'READ_FAILED',
      'ELF_CLASS',
      'ELF_EMPTY',
      'ELF_NO_HEADERS',
      'VMCORE_NO_MEMORY',
    ],
    line: 'Cannot open …: …',
    toDo: 'load the crash kernel with kexec -s -p; if it was, report this with the log',
  },
];

const ELSE = 'report this with the log';

/** By the outermost error that the table knows. */
export function adviceFor(error: unknown): string {
  for (let e = error, depth = 0; e instanceof Error && depth < 8; e = e.cause, depth++) {
    const { code } = e as NodeJS.ErrnoException;
    const advice = ADVICE.find(({ codes }) => code !== undefined && codes.includes(code));
    if (advice) return advice.toDo;
  }
  return ELSE;
}

/** Logs what went wrong in a phase, and returns it with what to do about it, for the outcome. */
export function reportFailure(log: Log, phase: string, error: unknown): string {
  log.warn(phase, describeError(error));
  return `${phase}: ${describeError(error)}; what to do: ${adviceFor(error)}`;
}
