/** The crash kernel's command line, made from the running kernel's: what is left out and what is added, with reasons. */
import { askedCpus, type CommandLineChanges, ONE_CPU, removerOf, wordsOf } from './command-changes.ts';
import { parseCommandLine, type Word } from './command-words.ts';
import { familyOf } from './word-families.ts';

export interface Reasoned {
  readonly word: string;
  readonly why: string;
}

interface AddedWord extends Reasoned {
  /** Node's name of the only architecture whose kernels need it. */
  readonly architecture?: string;
}

/** What the crash kernel needs; an appended word of the same name replaces one of these. */
const ADDED: readonly AddedWord[] = [
  { word: 'irqpoll', why: 'devices may still raise interrupts that no driver handles any more' },
  { word: ONE_CPU, why: 'one CPU needs less memory, and the others are as the crash left them' },
  { word: 'reset_devices', why: 'drivers must not trust the state in which the crash left their devices' },
  { word: 'cgroup_disable=memory', why: 'saves memory; there is nothing to account' },
  {
    word: 'cgroup.memory=nokmem',
    why: 'saves 4 MB: without it each CPU has an array for the accounting of kernel memory (Linux mm/memcontrol.c)',
  },
  {
    word: 'initcall_blacklist=tracer_init_tracefs',
    why: 'saves 9 MB on Linux 6.1: the files of tracefs, which nobody reads here (Linux kernel/trace/trace.c)',
  },
  {
    word: 'initcall_blacklist=slab_sysfs_init,slab_late_init',
    why: 'saves 1 MB: the files of /sys/kernel/slab, which nobody reads here (Linux mm/slub.c; the first name is of Linux 6.1, the second of 6.12)',
  },
  {
    word: 'loop.max_loop=1',
    why: 'saves 0.7 MB: Debian’s kernels have eight loop devices from the start (CONFIG_BLK_DEV_LOOP_MIN_COUNT), and the runtime image needs one',
  },
  {
    word: 'init_on_alloc=0',
    why: 'saves time: the kernel would fill each piece of memory with zeros before it hands it out, against programs that are not here (CONFIG_INIT_ON_ALLOC_DEFAULT_ON)',
  },
  {
    word: 'cryptomgr.notests',
    why: 'saves time: the kernel would try each of its ciphers and digests on examples (Linux crypto/algboss.c; where FIPS asks for that, it does so nevertheless)',
  },
  {
    word: 'rcupdate.rcu_expedited=1',
    why: 'saves time: a module that is loaded, a mount and an unmount wait for every CPU at once, and not for the next ticks of its timer (Linux Documentation/RCU/Design/Expedited-Grace-Periods)',
  },
  {
    word: 'mce=off',
    why: 'a machine check raised by the crash must not end the capture',
    architecture: 'x64',
  },
  {
    word: 'cma=0',
    why: 'saves 64 MB: Debian’s kernels reserve it for devices at boot (CONFIG_CMA_SIZE_MBYTES)',
    architecture: 'arm64',
  },
  { word: 'numa=off', why: 'saves memory; the reservation is one piece' },
  { word: 'transparent_hugepage=never', why: 'saves memory' },
  { word: 'novmcoredd', why: 'device dumps would take memory from the capture' },
  { word: 'hest_disable', why: 'firmware error reports must not end the capture' },
  { word: 'acpi_no_memhotplug', why: 'the crashed kernel’s memory must not be added to the crash kernel' },
  {
    word: 'rootfstype=ramfs',
    why: 'a tmpfs root ends at half of the memory, and the initrd needs more (Linux init/do_mounts.c)',
  },
  { word: 'oops=panic', why: 'a broken capture kernel reboots instead of hanging' },
  { word: 'panic=10', why: 'whatever kills PID 1 ends in a reboot, after a pause for reading the console' },
];

const KEEP_IMAGE: AddedWord = {
  word: 'retain_initrd',
  why: 'the capture program is read from the initrd in place: the kernel makes no second copy of it',
};

const NO_INTEGRITY_POOL: AddedWord = {
  word: 'initcall_blacklist=bio_integrity_initfn',
  why: 'saves 4 MB on Linux 7: buffers for disks that store a checksum with each block, and this machine has none (Linux block/bio-integrity.c)',
};

const FOUR_LEVELS: AddedWord = {
  word: 'no5lvl',
  why: 'saves 1 MB where the CPU has page tables of five levels: a table of memory sections for 4 PiB of addresses (Linux mm/sparse.c), and this machine’s memory is below 64 TiB',
  architecture: 'x64',
};

/** Where there are no further CPUs to start. */
const NO_REAL_MODE: AddedWord = {
  word: 'initcall_blacklist=init_real_mode,do_init_real_mode',
  why: 'the code for the start of further CPUs, which must be in the first 640 KiB, is not set up: there is one CPU (Linux arch/x86/realmode/init.c; the first name is of Linux 6.1, the second of 6.12)',
  architecture: 'x64',
};

/** Only with the word above: the kernel panics where it finds no room for that code. */
const NO_LOW_MEMORY: AddedWord = {
  word: 'memmap=640K$0',
  why: 'saves 2 MB: the page structures of the first 128 MiB of addresses, for 640 KiB that only that code may use (Linux mm/sparse.c)',
  architecture: 'x64',
};

/** The kernel obeys each of several such words, so that one does not replace another (Linux init/main.c). */
const ADDS_UP: ReadonlySet<string> = new Set(['initcall_blacklist']);

export interface CommandLinePlan {
  readonly text: string;
  /** Words of the running kernel that stay. */
  readonly inherited: readonly string[];
  readonly added: readonly Reasoned[];
  readonly appended: readonly string[];
  readonly leftOut: readonly Reasoned[];
}

/**
 * The longest line, in bytes. COMMAND_LINE_SIZE is 2048 on x86 and arm64, of which one byte ends the line; x86 keeps one
 * more back and adds ` elfcorehdr=0x…`, at most 30 (Linux arch/x86/kernel/kexec-bzimage64.c).
 */
export const LONGEST_LINE_BYTES = 2048 - 1 - 1 - 30;

const NO_CHANGES: CommandLineChanges = { append: [], remove: [] };

/** What the words depend on besides the running kernel's. */
export interface CrashMachine {
  /** Node's name of the crash kernel's; this program's own when left out. */
  readonly architecture?: string;
  /** How many CPUs the crash kernel gets where the administrator's changes do not say it; 1 when left out. */
  readonly cpus?: number;
  /** Of the CPU on which an x86 machine starts; undefined where it is not known. */
  readonly bootApicId?: number;
  /** Whether it reads the runtime from the image in place; see kept-image.ts. */
  readonly keepsImage?: boolean;
  /**
   * Whether no disk of the machine stores integrity data with its blocks (T10 PI; NVMe's metadata). Such a disk must have the
   * kernel's buffers for them: without them its driver dies where memory is short.
   */
  readonly hasPlainDisks?: boolean;
  /** Whether all of its memory has addresses below 64 TiB: what page tables of four levels reach. */
  readonly isBelow64Tib?: boolean;
  /** Whether its code for the start of further CPUs can be left out by the name of the initcall that sets it up. */
  readonly canSkipRealMode?: boolean;
}

/** @param running the first kernel's /proc/cmdline. */
export function planCommandLine(
  running: string,
  changes: CommandLineChanges = NO_CHANGES,
  {
    architecture = process.arch,
    cpus = 1,
    bootApicId,
    keepsImage,
    hasPlainDisks,
    isBelow64Tib,
    canSkipRealMode,
  }: CrashMachine = {},
): CommandLinePlan {
  const { words, hasDashes, initArguments } = parseCommandLine(running);
  const appended = changes.append.flatMap(wordsOf);
  const isRemoved = removerOf(changes.remove.flatMap(wordsOf));
  const asked = askedCpus(changes);
  const skipsRealMode =
    canSkipRealMode && (asked?.count ?? cpus) === 1 && !wordsOf(NO_REAL_MODE.word).some(isRemoved);
  const needed = [
    ...ADDED.map(added => (added.word === ONE_CPU && !asked && cpus > 1 ? severalCpus(cpus) : added)),
    ...(keepsImage ? [KEEP_IMAGE] : []),
    ...(hasPlainDisks ? [NO_INTEGRITY_POOL] : []),
    ...(isBelow64Tib ? [FOUR_LEVELS] : []),
    ...(skipsRealMode ? [NO_REAL_MODE, NO_LOW_MEMORY] : []),
    ...(bootApicId !== undefined && (asked?.count ?? cpus) > 1 ? [notBootCpu(bootApicId)] : []),
  ].filter(added => (added.architecture ?? architecture) === architecture);
  const ours = needed
    .map(({ word, why }) => ({ word: wordsOf(word)[0]!, why }))
    .map(({ word, why }) => ({
      word,
      why,
      leftOutFor: isRemoved(word)
        ? REMOVED
        : appended.some(({ name }) => name === word.name && !ADDS_UP.has(name))
          ? REPLACED
          : undefined,
    }));
  const added = ours.filter(({ leftOutFor }) => leftOutFor === undefined);
  const theirs = words.map(word => ({
    word,
    leftOutFor: isRemoved(word) ? REMOVED : reasonToLeaveOut(word, added),
  }));
  const inherited = theirs.filter(({ leftOutFor }) => leftOutFor === undefined);
  return {
    text: [...inherited, ...added, ...appended.map(word => ({ word }))]
      .map(({ word }) => word.text)
      .join(' '),
    inherited: inherited.map(({ word }) => word.text),
    added: added.map(({ word, why }) => ({ word: word.text, why })),
    appended: appended.map(({ text }) => text),
    leftOut: [
      ...[...theirs, ...ours].flatMap(({ word, leftOutFor }) =>
        leftOutFor === undefined ? [] : [{ word: word.text, why: leftOutFor }],
      ),
      ...(hasDashes ? [{ word: `-- ${initArguments}`.trim(), why: INIT_ARGUMENTS }] : []),
    ],
  };
}

/** The line alone, with words put last that win. */
export function crashCommandLine(
  running: string,
  append: readonly string[] = [],
  machine: CrashMachine = {},
): string {
  return planCommandLine(running, { append, remove: [] }, machine).text;
}

function severalCpus(count: number): AddedWord {
  return {
    word: `nr_cpus=${count}`,
    why: 'there is memory for them: the autopsy is made beside the dump, or threads compress a large dump',
  };
}

/** An INIT, by which a CPU is started, resets the machine when the boot CPU gets it. */
function notBootCpu(apicId: number): AddedWord {
  return {
    word: `disable_cpu_apicid=${apicId}`,
    why: 'where another CPU crashed, starting the CPU on which the machine boots would reset the machine (Linux Documentation/admin-guide/kdump/kdump.rst)',
    architecture: 'x64',
  };
}

const REMOVED = 'command_line_remove removes it';
const REPLACED = 'command_line_append replaces it';
const INIT_ARGUMENTS = 'it is for init, and the init of the crash kernel is the capture';

function reasonToLeaveOut(
  word: Word,
  added: readonly { readonly word: Word; readonly why: string }[],
): string | undefined {
  if (!word.isClosed) return 'its quote is not closed, so it would swallow the words behind it';
  const ours = added.find(({ word: { name, text } }) =>
    ADDS_UP.has(name) ? text === word.text : name === word.name,
  );
  if (ours) return `kdumpling sets ${ours.word.text}; ${ours.why}`;
  const family = familyOf(word);
  return family && `it ${family.does}; ${family.why}`;
}
