/** The document of `report --json`, of `upload --report --json`, and, with `text` and `autopsy` in addition, of `notify_url`. */
import { REPORT_FORMAT } from '../report/crash-report.ts';
import { FILE } from './dumps.ts';
import { KERNEL } from './manifest.ts';
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
  time,
} from './schema.ts';

const FRAME = object(
  'A place in the code.',
  {
    name: text('The function.'),
    offset: text('From its start, hexadecimal.'),
    size: text('Of the function, hexadecimal.'),
    module: optional(text('The module that it is in.')),
    doubtful: optional(flag('The unwinder does not know whether it is a caller (`?`).')),
    context: optional(text('Of a frame of the trace: `TASK`, `IRQ`, `SOFTIRQ`, `NMI` …')),
    interrupted: optional(flag('Of a frame of the trace: it belongs to what was interrupted.')),
  },
  { title: 'frame' },
);

const TASK = { comm: text('Its name.'), pid: count('Its process ID.') };

const CRASH = object('What crashed.', {
  class: text('The class of the crash, for example `null-pointer`.'),
  meaning: text('The class in words.'),
  blame: optional(text('The function to look at first, with its module.')),
  culprit: optional(FRAME),
  reason: optional(text('The line of the log that says it best.')),
  uptimeSeconds: optional(number('Since the machine’s boot.')),
  hungTasks: optional(
    list(
      'The tasks that hung, the first one first.',
      object('A task.', { ...TASK, waitsFor: optional(object('Who holds what it waits for.', TASK)) }),
    ),
  ),
  blocked: optional(
    object('The tasks that could not go on, by the memory; absent where none was blocked.', {
      count: count('How many.'),
      deadlocked: list('Those that wait in a circle and can never run; 16 at most.', object('A task.', TASK)),
      waits: list(
        'The first of them: those in circles, then those whose lock’s holder is known, then those whose lock is; 16 at most.',
        object('A task that waits.', {
          task: object('The task.', TASK),
          state: text('In the letters of ps(1): `D`, `S` …'),
          kind: optional(text('`mutex`, `rwsem` …; absent where it is not a lock that is known.')),
          lock: optional(text('The symbol or the address of the lock.')),
          owner: optional(object('Who holds it, where the lock says so.', TASK)),
          readers: optional(count('Of a rwsem that readers hold: how many.')),
          in: optional(text('The function that waits.')),
        }),
      ),
    }),
  ),
  machineChecks: optional(
    list(
      'What the processor reported, one entry for each bank.',
      object('A bank.', {
        cpu: optional(count('The CPU.')),
        bank: optional(count('The bank.')),
        status: optional(text('MCi_STATUS, hexadecimal.')),
        address: optional(text('MCi_ADDR, or the physical address, hexadecimal.')),
      }),
    ),
  ),
  stackFrom: oneOf(
    'Where task, pointer, trace and registers come from: the dump’s memory, the autopsy that the capture wrote before the dump, or the kernel log.',
    'memory',
    'autopsy',
    'log',
  ),
  differences: texts('What memory and log contradict each other in.'),
  oops: texts('The report as the kernel printed it, without times; scripts/decode_stacktrace.sh reads it.'),
  task: optional(object('The task.', { cpu: optional(count('The CPU.')), ...TASK })),
  at: optional(FRAME),
  trace: list('The call trace, innermost first.', FRAME),
  registers: mapOf('Register to value, hexadecimal.', { type: 'string' }),
  code: optional(text('The bytes around the instruction pointer.')),
  hardware: optional(text('The machine’s model and firmware.')),
  taints: list(
    'The kernel’s taints.',
    object('A taint.', { letter: text('Its letter.'), meaning: text('What it means.') }),
  ),
  modules: texts('The modules that were linked in, with their flags.'),
  lastUnloaded: optional(text('The module that was unloaded last.')),
});

const REPORT = document('One crash.', REPORT_FORMAT, {
  id: text('The ID of the dump.'),
  host: optional(text('The machine that crashed.')),
  summary: text('One line, for a list or for the title of a ticket.'),
  signature: text('The same for crashes of one cause, on any machine and any build of the kernel.'),
  crash: CRASH,
  others: list(
    'Other reports of the same log.',
    object('A report.', {
      class: text('Its class.'),
      reason: text('Its headline.'),
      seconds: optional(number('Since the machine’s boot.')),
    }),
  ),
  kernel: KERNEL,
  when: object('When it crashed.', {
    crashed: time('As far as it is known.'),
    clockTrusted: flag('The clock had been set.'),
    by: oneOf('How it is known; see `timeBy` of a dump.', 'clock', 'unset clock', 'file'),
    booted: optional(time('When the machine had booted.')),
  }),
  saved: object('What was saved.', {
    directory: text('Where it is.'),
    state: text('See `state` of a dump.'),
    why: optional(text('Why it has this state.')),
    files: list('The regular files in its directory.', FILE),
    dumpLevel: optional(count('The dump level.')),
    codec: optional(text('How pages are compressed.')),
    pagesDumped: optional(count('Pages in the dump.')),
    pagesTotal: optional(count('Pages of memory.')),
    captureSeconds: optional(number('From the start of the crash kernel.')),
  }),
  warnings: texts('What went wrong during the capture, or while the dump was read.'),
  next: list(
    'What to do next.',
    object('A step.', { command: text('What to type.'), why: text('What it is for.') }),
  ),
});

const NO_REPORT = document('Where this machine has no dump.', REPORT_FORMAT, {
  id: { type: 'null', description: 'Null.' },
});

export const REPORT_DOCUMENT: Schema = {
  description:
    'One crash, or `id` null where this machine has no dump. `upload --report --json` sends the same, and `notify_url` the same with a `text` for chats and the `autopsy` as in `autopsy.json`. To a URL with `{hive}` both send it without `text` and on one line: the rows of a table, whose partitions `date` (of `when.crashed`) and `signature` are in the name of the object.',
  anyOf: [REPORT, NO_REPORT],
};
