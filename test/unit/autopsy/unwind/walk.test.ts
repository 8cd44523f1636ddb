/** The walk from frame to frame, whatever steps from one to the next. */
import { expect, test } from 'vitest';
import type { Step } from '../../../../capture/autopsy/unwind/cursor.ts';
import { walk } from '../../../../capture/autopsy/unwind/walk.ts';

const IN_KERNEL = 0xffffffff81000040n;
const NMI_STACK = { name: 'NMI', start: 0xfffffe0000001000n, end: 0xfffffe0000002000n } as const;
const AT_USER_STACK = 0x7ffdaed5de10n;

/** Of a frame on the NMI stack, one step and no more. */
function walked(step: Step) {
  const sp = NMI_STACK.start + 0x100n;
  const cursor = { ip: IN_KERNEL + 0x100n, sp, bp: 0n, isExact: true };
  const first = {
    address: cursor.ip,
    sp,
    kind: 'call',
    reliable: true,
    isExact: true,
    stack: NMI_STACK,
  } as const;
  return walk(() => step, [NMI_STACK], cursor, first);
}

/** So printed 7.2: `RIP: 0010:entry_SYSCALL_64+0x0/0x2b`, `RSP: 0018:00007ffdaed5de10`. */
test('what was interrupted at the beginning of a system call is the last frame, and the stack is whole', () => {
  const registers = { ip: IN_KERNEL, sp: AT_USER_STACK, cs: 0x10n };
  const { frames, end } = walked({
    to: 'exception',
    registers,
    cursor: { ip: IN_KERNEL, sp: AT_USER_STACK, bp: 0n, isExact: true },
  });
  expect(frames.slice(1)).toEqual([
    { address: IN_KERNEL, sp: AT_USER_STACK, kind: 'exception', reliable: true, isExact: true, registers },
  ]);
  expect(end).toEqual({ end: 'whole' });
});

test('a caller on the stack of user mode is none', () => {
  const { frames, end } = walked({
    to: 'call',
    slot: AT_USER_STACK,
    isGuess: false,
    cursor: { ip: IN_KERNEL, sp: AT_USER_STACK, bp: 0n, isExact: false },
  });
  expect(frames).toHaveLength(1);
  expect(end).toMatchObject({ end: 'stopped', why: expect.stringMatching(/is on no stack of this task/) });
});
