/** Registers of the crash by the names and in the order of a kernel log. */
import { expect, test } from 'vitest';
import { loggedRegisters } from '../../../../capture/autopsy/summary/stack-frames.ts';

test('of x86-64: as __show_regs() prints them, without the segments', () => {
  // In the order of a core's note (struct user_regs_struct).
  const noted = 'r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss'.split(' ');
  const registers = loggedRegisters(Object.fromEntries(noted.map((name, i) => [name, BigInt(i)])));
  expect(Object.keys(registers).join(' ')).toBe(
    'RIP RSP EFLAGS RAX RBX RCX RDX RSI RDI RBP R08 R09 R10 R11 R12 R13 R14 R15 ORIG_RAX',
  );
  expect(registers).toMatchObject({ R15: '0000000000000000', RIP: '0000000000000010' });
});

test('of arm64: pc, lr and sp first, then down from x29', () => {
  const noted = [...Array.from({ length: 31 }, (_, i) => `x${i}`), 'sp', 'pc', 'pstate'];
  const registers = loggedRegisters(Object.fromEntries(noted.map((name, i) => [name, BigInt(i)])));
  const general = Array.from({ length: 30 }, (_, i) => `x${29 - i}`);
  expect(Object.keys(registers)).toEqual(['pc', 'lr', 'sp', ...general, 'pstate']);
  expect(registers).toMatchObject({ lr: '000000000000001e', x0: '0000000000000000' });
});
