/** What to do about a capture that failed, by the error's code. The manual (kdumpling-capture(7)) is made of the same rows. */
import { constants } from 'node:os';
import { describeError, Failure } from '../errors.ts';
import type { Log } from '../log.ts';

export interface Advice {
  /** Codes of our own errors, or names of errno. */
  readonly codes: readonly string[];
  /** How the line begins on the console, for the manual. */
  readonly line: string;
  /** A plain sentence, to follow "what to do:". */
  readonly toDo: string;
}

export const ADVICE: readonly Advice[] = [
  {
    codes: ['DEVICE_MISSING', 'LVM_METADATA'],
    line: 'Cannot find the dump target …',
    toDo: "compare the devices listed with the target, and rebuild the image with the driver of the target's disk",
  },
  {
    codes: ['NO_WAY_WORKED', 'BUSYBOX_FAILED', 'SYSCALL_FAILED'],
    line: 'Cannot mount: …',
    toDo: 'check the file system with fsck, and rebuild the image if the target has changed since',
  },
  {
    codes: ['READ_ONLY', 'FSCK_FAILED', 'EROFS', 'EUCLEAN'],
    line: 'Cannot write to …: the kernel mounted it read-only',
    toDo: 'repair the file system with fsck',
  },
  {
    codes: ['NOT_A_DIRECTORY', 'NAMES_TAKEN', 'EEXIST', 'ENOTDIR'],
    line: 'Cannot use the dump directory …',
    toDo: 'move the file or link that is in the place of the dump directory',
  },
  {
    codes: ['ENOSPC', 'EDQUOT', 'NO_SPACE'],
    line: 'Cannot write the dump: ENOSPC …',
    toDo: 'free space on the target (on btrfs, `btrfs balance start -dusage=10` may give some back), or leave out more pages with dumpLevel',
  },
  {
    codes: ['EIO', 'ENXIO', 'ENODEV', 'EREMOTEIO', 'READ_BACK'],
    line: 'Cannot write the dump: EIO …',
    toDo: "look for the disk's errors in the kernel's lines, and dump to another disk",
  },
  {
    codes: ['DEADLINE'],
    line: "Cannot go on with the phase …: the capture's N s are over",
    toDo: 'set a larger deadlineSeconds',
  },
  {
    codes: ['ENOMEM', 'ERR_BUFFER_TOO_LARGE', 'ERR_MEMORY_ALLOCATION_FAILED'],
    line: 'Cannot …: ENOMEM …',
    toDo: 'reserve more memory with crashkernel=',
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
    toDo: 'load the crash kernel with kexec -s -p; if it was loaded so, report this with the log',
  },
];

const OTHERWISE = 'report this with the log';
const MOST_CAUSES = 8;

/** They say that a call failed, and not why: a full btrfs refuses a mount with ENOSPC. */
const OF_ANY_CALL = ['NO_WAY_WORKED', 'BUSYBOX_FAILED', 'SYSCALL_FAILED'];

/** For the outermost error in the chain of causes that the table has. */
export function adviceFor(error: unknown): string {
  const codes = codesOf(error);
  const [first] = [codes.filter(code => !OF_ANY_CALL.includes(code)), codes].flatMap(list =>
    list.flatMap(code => ADVICE.find(advice => advice.codes.includes(code)) ?? []),
  );
  return first?.toDo ?? OTHERWISE;
}

/** Of the chain of causes, the outermost first; behind each its errno, by name, where a system call gave one. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let e = error, depth = 0; e instanceof Error && depth < MOST_CAUSES; e = e.cause, depth++) {
    const { code } = e as NodeJS.ErrnoException;
    const errno = e instanceof Failure ? e.facts.errno : undefined;
    const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
    codes.push(...[code, name].filter(one => one !== undefined));
  }
  return codes;
}

/** Logs what failed in a phase. Returns it together with the advice, for the outcome. */
export function reportFailure(log: Log, phase: string, error: unknown): string {
  log.warn(phase, describeError(error));
  return `${phase}: ${describeError(error)}; what to do: ${adviceFor(error)}`;
}
