/** The kinds of crash: what each means to a person, and what its trace says. */

export interface CrashClass {
  /** Why it crashed, as a sentence without its full stop. */
  readonly meaning: string;
  /**
   * Where the culprit stands. `trace`: the frames of the report, innermost first. `interrupted`: what ran before the interrupt or NMI
   * that noticed. `nowhere`: the trace shows who was there when it ended, and not who is to blame.
   */
  readonly blame: 'trace' | 'interrupted' | 'nowhere';
}

export const CLASSES = {
  sysrq: { meaning: 'Somebody triggered a crash by sysrq', blame: 'nowhere' },
  'null-pointer': { meaning: 'Kernel code dereferenced a NULL pointer', blame: 'trace' },
  'page-fault': { meaning: 'Kernel code used an address that is not mapped', blame: 'trace' },
  'general-protection': { meaning: 'Kernel code used a pointer that is not an address', blame: 'trace' },
  'stack-segment': { meaning: 'Kernel code used a stack address that is not an address', blame: 'trace' },
  'double-fault': { meaning: 'A fault occurred while a fault was handled', blame: 'trace' },
  'divide-error': { meaning: 'Kernel code divided by zero', blame: 'trace' },
  'bus-error': { meaning: 'The bus or memory answered an access with an error', blame: 'trace' },
  oops: { meaning: 'Kernel code caused an exception', blame: 'trace' },
  bug: { meaning: 'The kernel found a state that it does not allow (BUG)', blame: 'trace' },
  warning: { meaning: 'A warning was printed, and panic_on_warn is set', blame: 'trace' },
  'corrupt-list': { meaning: 'A linked list was overwritten', blame: 'trace' },
  refcount: { meaning: 'A reference count under- or overflowed', blame: 'trace' },
  'stack-overflow': { meaning: 'A kernel stack overflowed', blame: 'trace' },
  'stack-protector': { meaning: 'A function overwrote its own stack frame', blame: 'trace' },
  kasan: { meaning: 'KASAN found a bad memory access', blame: 'trace' },
  kfence: { meaning: 'KFENCE found a bad memory access', blame: 'trace' },
  kmsan: { meaning: 'KMSAN found the use of uninitialized memory', blame: 'trace' },
  kcsan: { meaning: 'KCSAN found a data race', blame: 'trace' },
  ubsan: { meaning: 'UBSAN found undefined behaviour', blame: 'trace' },
  cfi: { meaning: 'An indirect call went to a wrong target', blame: 'trace' },
  usercopy: { meaning: 'Kernel memory was about to be copied across an object boundary', blame: 'trace' },
  fortify: { meaning: 'A string or memory function would have overflowed its buffer', blame: 'trace' },
  'bad-slab': { meaning: 'A slab object was overwritten', blame: 'trace' },
  'bad-page': { meaning: 'A page was in a bad state', blame: 'trace' },
  'scheduling-while-atomic': { meaning: 'Atomic code called the scheduler', blame: 'trace' },
  'sleeping-in-atomic': { meaning: 'Atomic code called a function that sleeps', blame: 'trace' },
  spinlock: { meaning: 'A spinlock was misused', blame: 'trace' },
  'soft-lockup': { meaning: 'A CPU did not leave kernel code', blame: 'interrupted' },
  'hard-lockup': { meaning: 'A CPU took no more interrupts', blame: 'interrupted' },
  'rcu-stall': { meaning: 'A CPU or task held up RCU', blame: 'interrupted' },
  'workqueue-lockup': { meaning: 'A workqueue made no progress', blame: 'interrupted' },
  'hung-task': { meaning: 'A task waited too long', blame: 'trace' },
  'out-of-memory': { meaning: 'Memory ran out', blame: 'nowhere' },
  'init-killed': { meaning: 'The first process (init) ended', blame: 'nowhere' },
  'no-root': { meaning: 'No root file system or init was found', blame: 'nowhere' },
  'machine-check': { meaning: 'The hardware reported an error', blame: 'nowhere' },
  nmi: { meaning: 'A non-maskable interrupt stopped the machine', blame: 'nowhere' },
  'file-system': { meaning: 'A file system asked for a panic after an error', blame: 'trace' },
  panic: { meaning: 'Kernel code called panic', blame: 'trace' },
  unknown: { meaning: 'The log does not say why', blame: 'nowhere' },
} as const satisfies Readonly<Record<string, CrashClass>>;

export type ClassName = keyof typeof CLASSES;

export function classOf(name: ClassName): CrashClass {
  return CLASSES[name];
}
