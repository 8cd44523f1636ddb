/** The document of `bt --json`. */
import { address, autopsyDocument } from './autopsy.ts';
import { count, flag, list, mapOf, object, oneOf, optional, text } from './schema.ts';

const FRAME = object('A frame of a kernel stack.', {
  address: address('Of the instruction: of a call, what it returns to.'),
  sp: address('Of a call: where its return address is. Otherwise the stack pointer.'),
  kind: oneOf(
    'A `call`; what an `exception`, an interrupt or an NMI interrupted; or where `user` mode entered the kernel.',
    'call',
    'exception',
    'user',
  ),
  reliable: flag('False where it is only likely that this is a frame.'),
  stack: optional(
    oneOf(
      'The stack that it is on; absent for user mode.',
      ...['task', 'IRQ', 'NMI', 'DOUBLEFAULT', 'DEBUG', 'MCE', 'VC', 'VC2', 'entry', 'overflow', 'SDEI'],
    ),
  ),
  symbol: optional(text('The function; absent outside of the kernel and of its modules.')),
  offset: optional(count('From the beginning of the function to the address.')),
  bytes: optional(count('The length of the function; absent when it is not known.')),
  module: optional(text('The module that has it; absent for the kernel itself.')),
  registers: optional(
    mapOf(
      'Of an exception and of user mode: name in `struct pt_regs` -> hexadecimal, as far as they were saved.',
      {
        type: 'string',
      },
    ),
  ),
});

export const BT = autopsyDocument('Kernel stacks of the crashed machine.', {
  tasks: list(
    'Those that were asked for.',
    object('A task.', {
      address: address('Of its `struct task_struct`.'),
      pid: count('Its PID; 0 for the idle tasks.'),
      comm: text('Its name.'),
      cpu: count('The CPU where it ran last.'),
      isCurrent: flag('It was running when the machine crashed.'),
      end: oneOf(
        'Whether the frames go on to the entry from user mode or to the first function of a kernel thread.',
        'whole',
        'stopped',
      ),
      why: optional(text('Why they stop before.')),
      frames: list('Innermost first.', FRAME),
    }),
  ),
});
