/** What kind of crash it was, by the panic line; and the signature, by which crashes of one cause are the same. */
import { createHash } from 'node:crypto';
import type { CrashSite, Frame } from './crash-site.ts';

interface CrashClass {
  readonly name: string;
  readonly pattern: RegExp;
  /** For a person: why it crashed. */
  readonly meaning: string;
  /** False where the trace shows who happened to be there, and not who was to blame. */
  readonly byFrames?: false;
}

/** The first that fits. */
const CLASSES: readonly CrashClass[] = [
  {
    name: 'sysrq',
    pattern: /sysrq triggered crash|Trigger a crash/,
    meaning: 'It was asked to, by sysrq',
    byFrames: false,
  },
  { name: 'null-pointer', pattern: /NULL pointer dereference/, meaning: 'Kernel code used a NULL pointer' },
  {
    name: 'stack-overflow',
    pattern: /stack guard page was hit|kernel stack overflow/i,
    meaning: 'A kernel stack overflowed',
  },
  { name: 'kasan', pattern: /BUG: (KASAN|KFENCE|KMSAN)/, meaning: 'A memory checker found a bad access' },
  {
    name: 'page-fault',
    pattern: /unable to handle (page fault|kernel paging request|kernel access)/i,
    meaning: 'Kernel code used an address that is none',
  },
  {
    name: 'general-protection',
    pattern: /general protection fault/,
    meaning: 'Kernel code used a pointer that makes no sense',
  },
  { name: 'double-fault', pattern: /double fault/i, meaning: 'A fault in the handling of a fault' },
  { name: 'divide-error', pattern: /divide error/, meaning: 'Kernel code divided by zero' },
  {
    name: 'corrupt-list',
    pattern: /list_(add|del) corruption|corrupted (list|stack)|stack-protector/,
    meaning: 'Kernel data was overwritten',
  },
  {
    name: 'bug',
    pattern: /kernel BUG (at|in)|invalid opcode/,
    meaning: 'The kernel found a state that it does not allow (BUG)',
  },
  { name: 'hard-lockup', pattern: /hard LOCKUP/i, meaning: 'A CPU took no interrupts any more' },
  { name: 'soft-lockup', pattern: /soft lockup/, meaning: 'A CPU did not leave kernel code' },
  { name: 'rcu-stall', pattern: /rcu.*detected.*stall|RCU Stall/i, meaning: 'A CPU or task held up RCU' },
  {
    name: 'hung-task',
    pattern: /blocked (for|in I\/O wait for) more than|hung_task/,
    meaning: 'A task waited too long for something that never came',
  },
  {
    name: 'out-of-memory',
    pattern: /Out of memory|deadlocked on memory/,
    meaning: 'Memory ran out',
    byFrames: false,
  },
  {
    name: 'init-killed',
    pattern: /Attempted to kill init/,
    meaning: 'The first process (init) ended',
    byFrames: false,
  },
  {
    name: 'no-root',
    pattern: /Unable to mount root|No working init/,
    meaning: 'It found no root file system or init',
    byFrames: false,
  },
  {
    name: 'machine-check',
    pattern: /machine check|Hardware Error/i,
    meaning: 'The hardware reported an error',
    byFrames: false,
  },
  { name: 'nmi', pattern: /NMI/, meaning: 'A non-maskable interrupt stopped it', byFrames: false },
  { name: 'warning', pattern: /^WARNING: /, meaning: 'A warning, and panic_on_warn is set' },
];

const OTHER: CrashClass = { name: 'panic', pattern: /./, meaning: 'The kernel gave up' };
const UNKNOWN: CrashClass = { name: 'unknown', pattern: /^$/, meaning: 'The log does not say why' };

/** How an end is reported and how a kernel is entered: in every trace, and not to blame. */
const MACHINERY =
  /^(dump_stack|show_stack|show_trace|v?panic|nmi_panic|oops_|__?die|die|no_context|page_fault_oops|kernelmode_fixup|handle_bug|report_bug|__warn|warn_|bad_area|__bad_area|do_user_addr_fault|do_kern_addr_fault|do_trap|do_error_trap|exc_|asm_|sysvec_|__sysvec|handle_exception|invalid_op|(__|io_|preempt_)?schedule|__list_(add|del)_|watchdog_|__hrtimer|hrtimer_|local_apic|check_panic|lockup_|rcu_|entry_|do_syscall|x64_sys_call|__x64_sys_|ret_from_fork|kthread$|secondary_startup|common_startup|start_kernel|tick_|update_process_times|__irq_exit|irq_exit|native_)/;
const FRAMES_OF_SIGNATURE = 5;
const SIGNATURE_CHARS = 12;

export interface Classified {
  readonly name: string;
  readonly meaning: string;
  /** Who is most likely to blame, or where it was asked for. */
  readonly blame?: Frame;
  /** The same for crashes of one cause: the class and the functions, without addresses, offsets, numbers, task names. */
  readonly signature: string;
}

export function classify(site: CrashSite): Classified {
  const { name, meaning, byFrames = true } = classOf(site.reason);
  const frames = tellingFrames(site);
  const blame = frames[0];
  // What has no class of its own is told apart by what it said.
  const words = name === OTHER.name ? [withoutNumbers(site.reason!)] : [];
  const functions = byFrames ? frames.slice(0, FRAMES_OF_SIGNATURE).map(frame => frame.name) : [];
  const key = [name, ...words, ...functions].join('|');
  const hash = createHash('sha256').update(key).digest('hex').slice(0, SIGNATURE_CHARS);
  return { name, meaning, ...(blame && byFrames && { blame }), signature: `${name}-${hash}` };
}

function classOf(reason: string | undefined): CrashClass {
  if (reason === undefined) return UNKNOWN;
  return CLASSES.find(({ pattern }) => pattern.test(reason)) ?? OTHER;
}

function tellingFrames({ at, trace }: CrashSite): Frame[] {
  const frames = at && at.name !== trace[0]?.name ? [at, ...trace] : trace;
  return frames.filter(frame => !MACHINERY.test(frame.name));
}

function withoutNumbers(text: string): string {
  return text.replace(/\b(0x)?[0-9a-f]*\d[0-9a-f]*\b/gi, 'N');
}
