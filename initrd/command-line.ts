/** The crash kernel's command line, made from the running kernel's: what is left out and what is added, with reasons. */
import { parseCommandLine, type Word } from './command-words.ts';
import { familyOf, matcherOf } from './word-families.ts';

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
  { word: 'nr_cpus=1', why: 'one CPU needs less memory, and the others are as the crash left them' },
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

/** The kernel obeys each of several such words, so that one does not replace another (Linux init/main.c). */
const ADDS_UP: ReadonlySet<string> = new Set(['initcall_blacklist']);

/** What an administrator changes. */
export interface CommandLineChanges {
  /** Put last. They are never left out, and replace added words of the same name. */
  readonly append: readonly string[];
  /** Names (`*` for any characters), or whole words with their values. They apply to inherited and added words. */
  readonly remove: readonly string[];
}

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

/**
 * @param running the first kernel's /proc/cmdline.
 * @param architecture Node's name of the crash kernel's.
 * @param bootApicId of the CPU on which an x86 machine starts; undefined where it is not known.
 */
export function planCommandLine(
  running: string,
  { append, remove }: CommandLineChanges = NO_CHANGES,
  architecture: string = process.arch,
  bootApicId?: number,
): CommandLinePlan {
  const { words, hasDashes, initArguments } = parseCommandLine(running);
  const appended = append.flatMap(wordsOf);
  const isRemoved = removerOf(remove.flatMap(wordsOf));
  const needed = [
    ...ADDED,
    ...(bootApicId !== undefined && mayHaveSeveralCpus(appended, isRemoved) ? [notBootCpu(bootApicId)] : []),
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
  architecture: string = process.arch,
): string {
  return planCommandLine(running, { append, remove: [] }, architecture).text;
}

function mayHaveSeveralCpus(appended: readonly Word[], isRemoved: (word: Word) => boolean): boolean {
  const named = appended.findLast(({ name }) => name === 'nr_cpus');
  return named ? named.value !== '1' : wordsOf('nr_cpus=1').some(isRemoved);
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

function removerOf(wanted: readonly Word[]): (word: Word) => boolean {
  const removers = wanted.map(({ name, value }) => {
    const matches = matcherOf(name);
    return (word: Word) => matches(word.name) && (value === undefined || value === word.value);
  });
  return word => removers.some(removes => removes(word));
}

function wordsOf(text: string): readonly Word[] {
  return parseCommandLine(text).words;
}
