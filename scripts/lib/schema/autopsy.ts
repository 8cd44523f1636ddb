/** What the documents of the autopsy share: `ps --json` and the verbs beside it. */
import { AUTOPSY_FORMAT } from '../autopsy/open.ts';
import {
  count,
  document,
  flag,
  list,
  number,
  type Optional,
  object,
  oneOf,
  optional,
  orNull,
  type Schema,
  text,
  texts,
} from './schema.ts';

/** Addresses do not fit the numbers of JSON. */
export const address = (description: string): Schema => text(`${description} In hexadecimal, without 0x.`);

export function autopsyDocument(
  description: string,
  properties: Readonly<Record<string, Schema | Optional>>,
): Schema {
  return document(description, AUTOPSY_FORMAT, {
    dump: text('The ID of the dump, or the name of its file.'),
    release: orNull(text('The release of the crashed kernel; null where the dump does not have it.')),
    missing: texts('What the dump lacks and what that costs, a sentence each.'),
    ...properties,
  });
}

const CPU = object('A CPU.', {
  cpu: count('Its number.'),
  isOnline: flag('It was online.'),
  runqueue: address('Of its `struct rq`.'),
  current: address('Of the task that it ran.'),
  idle: address('Of its idle task.'),
  runnable: count('Tasks that were runnable on it.'),
});

const TASK = object('A task.', {
  address: address('Of its `struct task_struct`.'),
  pid: count('Its PID; 0 for the idle tasks.'),
  tgid: count('The PID of its process.'),
  ppid: orNull(number('The PID of its parent; null when that cannot be read.')),
  comm: text('Its name.'),
  state: oneOf(
    'In the words of crash; `FR` is frozen, `??` unknown.',
    ...['RU', 'IN', 'UN', 'ID', 'ZO', 'DE', 'ST', 'TR', 'PA', 'WA', 'NE', 'FR', '??'],
  ),
  stateBits: count('`__state` and `exit_state` together, as the kernel has them.'),
  cpu: count('The CPU where it ran last.'),
  isCurrent: flag('It was running when the machine crashed.'),
  isKernelThread: flag('It is a kernel thread.'),
  virtualBytes: optional(count('Its address space (VSZ); absent where it has none.')),
  residentBytes: optional(count('How much of it was in memory (RSS).')),
});

export const PS = autopsyDocument('The tasks of the crashed machine.', {
  panicCpu: orNull(number('The CPU that brought the machine down; null when the dump does not say.')),
  panicTask: orNull(address('Of the task that ran there; null when it is not known.')),
  totalPages: orNull(number('Pages of memory that the kernel managed; null when that cannot be read.')),
  cpus: list('All CPUs that the machine may have, ascending.', CPU),
  tasks: list('Those that were asked for, by PID.', TASK),
});

export const SYM = autopsyDocument('Symbols of the crashed kernel.', {
  symbols: list(
    'For each argument the symbols of that name, or the one at that address.',
    object('A symbol.', {
      name: text('Its name.'),
      type: text('As nm(1) prints it; `?` when it is not known.'),
      address: address('Of the symbol.'),
      offset: count('From there to the address that was asked for.'),
      bytes: optional(count('Its length; absent when it is not known.')),
      module: optional(text('The module that has it; absent for the kernel itself.')),
    }),
  ),
});

export const STRUCT = autopsyDocument('A type of the crashed kernel.', {
  name: text('As it was asked for.'),
  kind: oneOf('What it is.', 'struct', 'union', 'member'),
  bytes: count('Its length; of several members, theirs together.'),
  address: orNull(address('Where it was read; null without an address.')),
  members: list(
    'What it directly holds; of a member, the member itself.',
    object('A member.', {
      name: text('Its name; empty for an anonymous struct or union.'),
      declaration: text('As C declares it.'),
      offset: count('From the beginning of the type; of a bit field, that of the byte with its first bit.'),
      bytes: count('Its length; of a bit field, that of its declared type; 0 for a flexible array.'),
      bitOffset: optional(count('Of a bit field: its first bit within that byte.')),
      bits: optional(count('Of a bit field: its width.')),
      value: optional(text('What is in memory, as text; absent without an address.')),
      members: optional(
        list('Of an anonymous struct or union: its members, described as this one.', {
          type: 'object',
          additionalProperties: true,
        }),
      ),
    }),
  ),
});
