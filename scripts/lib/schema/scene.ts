/** The document autopsy.json, which a capture writes beside the dump and `notify_url` gets with the report. */
import { AUTOPSY_FORMAT } from '../../../capture/autopsy/summary/autopsy.ts';
import { count, document, flag, list, mapOf, object, optional, type Schema, text, texts } from './schema.ts';

const MISSING = object(
  'A part that the memory does not give.',
  { missing: text('Why.') },
  { title: 'missing' },
);

const orMissing = (schema: Schema): Schema => ({
  anyOf: [schema, MISSING],
  description: schema.description,
});

const TASK = object(
  'A task.',
  {
    pid: { type: 'integer', description: 'Its process ID.' },
    comm: text('Its name.'),
  },
  { title: 'task' },
);

const FRAME = object(
  'A frame of a stack.',
  {
    address: text('Of the instruction; of a caller, the one that it returns to.'),
    name: optional(text('The function; absent where no symbol is known.')),
    offset: optional(text('From the start of the function, hexadecimal.')),
    size: optional(text('Of the function, hexadecimal.')),
    module: optional(text('The module that it is in.')),
    context: optional(text('The stack that it is on: `TASK`, `IRQ`, `NMI`, `EXCEPTION` …')),
    interrupted: optional(flag('An exception or interrupt came between it and the frame before it.')),
    doubtful: optional(flag('Found on the stack where no unwind information says whether it is a caller.')),
  },
  { title: 'stack frame' },
);

const STACK = list('Innermost first.', FRAME);

const CRASH = object('What crashed.', {
  class: optional(text('The class of the crash by its stack; absent where the stack does not decide.')),
  culprit: optional(FRAME),
  cpu: count('The CPU that panicked.'),
  task: optional(TASK),
  registers: mapOf('Register to value, hexadecimal.', { type: 'string' }),
  stack: orMissing(STACK),
});

export const AUTOPSY_FILE: Schema = document(
  'What the memory of the crashed kernel says of the crash. The capture writes it before the dump. A part that the memory does not give is an object with `missing`, which says why.',
  AUTOPSY_FORMAT,
  {
    kernel: object('The crashed kernel.', {
      release: optional(text('As uname -r.')),
      nodename: optional(text('As uname -n.')),
    }),
    crash: orMissing(CRASH),
    cpus: orMissing(
      list(
        'The CPUs that were online, by number.',
        object('A CPU.', {
          cpu: count('Its number.'),
          task: optional(TASK),
          isIdle: flag('It ran its idle task.'),
          isPanicking: flag('It panicked.'),
          stack: orMissing(STACK),
        }),
      ),
    ),
    stacks: orMissing(
      list(
        'All tasks, folded by equal stacks, blocked ones first.',
        object('Tasks with one stack.', {
          stack: STACK,
          incomplete: optional(text('Why the stack ends early.')),
          count: count('How many tasks have it.'),
          states: mapOf('Letter of the state, as in ps, to the number of tasks.', { type: 'integer' }),
          tasks: list('The first of them.', TASK),
        }),
      ),
    ),
    waits: orMissing(
      list(
        'Blocked tasks.',
        object('A task that waits.', {
          task: TASK,
          state: text('The letter of its state.'),
          kind: optional(text('`mutex`, `rwsem` …; absent where it is no known lock.')),
          lock: optional(text('The symbol or the address of the lock.')),
          owner: optional(TASK),
          readers: optional(count('How many readers hold the rwsem.')),
          in: optional(text('The function that waits.')),
        }),
      ),
    ),
    modules: orMissing(
      list(
        'The modules that were loaded.',
        object('A module.', {
          name: text('Its name.'),
          sizeBytes: count('Its size.'),
          taints: optional(text('Its taints: `O`, `E`, `P` …')),
        }),
      ),
    ),
    taints: orMissing(texts('The letters of the kernel’s taints.')),
    memory: MISSING,
    meminfo: orMissing(mapOf('As /proc/meminfo names it, in KiB.', { type: 'number' })),
    log: MISSING,
    leftOut: optional(
      object('How many last entries of a list had no room.', {
        stacks: optional(count('Of `stacks`.')),
        cpus: optional(count('Of `cpus`; the idle ones come last then.')),
        waits: optional(count('Of `waits`.')),
        modules: optional(count('Of `modules`.')),
      }),
    ),
  },
);
