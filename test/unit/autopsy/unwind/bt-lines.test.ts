/** The lines are those that crash 9.0.2 prints of the same stacks with `bt -s -x`, but for the frames of its own NMI handler. */
import { describe, expect, test } from 'vitest';
import { btLines } from '../../../../capture/autopsy/unwind/bt-lines.ts';
import type { Backtrace, Frame, Registers } from '../../../../capture/autopsy/unwind/frame.ts';

const TASK = { pid: 217, address: 0xff28d9a620108000n, cpu: 1, comm: 'bash' };
const HEAD = 'PID: 217      TASK: ff28d9a620108000  CPU: 1    COMMAND: "bash"';
const USER: Registers = {
  ...{ r15: 15n, r14: 14n, r13: 13n, r12: 12n, bp: 5n, bx: 3n, r11: 11n, r10: 10n, r9: 9n, r8: 8n },
  ...{ ax: -38n & 0xffffffffffffffffn, cx: 2n, dx: 4n, si: 6n, di: 7n, orig_ax: 1n },
  ...{ ip: 0x47b7a0n, cs: 0x33n, flags: 0x202n, sp: 0x7ffc5aecd0a8n, ss: 0x2bn },
};

function frame(symbol: string, more: Partial<Frame> = {}): Frame {
  const place = { address: 0xffffffffa3291b93n, sp: 0xff76c9734019fb60n, symbol, offset: 0x1b3 };
  return { ...place, reliable: true, kind: 'call', stack: 'task', ...more };
}

function lines(
  frames: readonly Frame[],
  end: { end: 'whole' } | { end: 'stopped'; why: string } = { end: 'whole' },
) {
  return btLines(TASK, { frames, ...end } as Backtrace);
}

test('calls, numbered, with offsets', () => {
  expect(lines([frame('machine_kexec'), frame('virtblk_done', { module: 'virtio_blk' })])).toEqual([
    HEAD,
    ' #0 [ff76c9734019fb60] machine_kexec+0x1b3 at ffffffffa3291b93',
    ' #1 [ff76c9734019fb60] virtblk_done+0x1b3 at ffffffffa3291b93 [virtio_blk]',
  ]);
});

test('the tenth frame and those behind', () => {
  const found = lines(Array.from({ length: 12 }, () => frame('f')));
  expect(found[10]).toMatch(/^ #9 \[/);
  expect(found[11]).toMatch(/^#10 \[/);
});

test('the registers of user mode', () => {
  const user: Frame = { address: USER.ip!, sp: USER.sp!, reliable: true, kind: 'user', registers: USER };
  expect(lines([user])).toEqual([
    HEAD,
    '    RIP: 000000000047b7a0  RSP: 00007ffc5aecd0a8  RFLAGS: 00000202',
    '    RAX: ffffffffffffffda  RBX: 0000000000000003  RCX: 0000000000000002',
    '    RDX: 0000000000000004  RSI: 0000000000000006  RDI: 0000000000000007',
    '    RBP: 0000000000000005   R8: 0000000000000008   R9: 0000000000000009',
    '    R10: 000000000000000a  R11: 000000000000000b  R12: 000000000000000c',
    '    R13: 000000000000000d  R14: 000000000000000e  R15: 000000000000000f',
    '    ORIG_RAX: 0000000000000001  CS: 0033  SS: 002b',
  ]);
});

describe('an exception', () => {
  const registers = { ip: 0xffffffffa3291b93n, cs: 0x10n, flags: 0x2n, sp: 1n, ss: 0x18n };

  test('on the same stack: its registers, and no line of its own', () => {
    expect(
      lines([frame('asm_exc_page_fault'), frame('f', { kind: 'exception', registers }), frame('g')]),
    ).toEqual([
      HEAD,
      ' #0 [ff76c9734019fb60] asm_exc_page_fault+0x1b3 at ffffffffa3291b93',
      '    [exception RIP: f+0x1b3]',
      '    RIP: ffffffffa3291b93  RSP: 0000000000000001  RFLAGS: 00000002',
      '    CS: 0010  SS: 0018',
      ' #1 [ff76c9734019fb60] g+0x1b3 at ffffffffa3291b93',
    ]);
  });

  test('on arm64: the counter has that architecture’s name', () => {
    const found = lines([frame('vectors', { kind: 'exception', registers: { pc: 1n, sp: 2n } }), frame('g')]);
    expect(found.slice(1, 3)).toEqual([
      '    [exception PC: vectors+0x1b3]',
      '     PC: 0000000000000001   SP: 0000000000000002',
    ]);
  });

  test.each(['NMI', 'DOUBLEFAULT', 'DEBUG', 'MCE'] as const)(
    'from the %s stack: a rule, then its line',
    stack => {
      const found = lines([frame('asm_exc_nmi', { stack }), frame('f', { kind: 'exception', registers })]);
      expect(found.slice(-2)).toEqual([
        `--- <${stack} exception stack> ---`,
        ' #1 [ff76c9734019fb60] f+0x1b3 at ffffffffa3291b93',
      ]);
    },
  );

  test('where the CPU was stopped: registers, then the first line', () => {
    const found = lines([
      frame('pv_native_safe_halt', { kind: 'exception', registers }),
      frame('default_idle'),
    ]);
    expect(found[1]).toBe('    [exception RIP: pv_native_safe_halt+0x1b3]');
    expect(found.slice(-2).map(line => line.slice(0, 3))).toEqual([' #0', ' #1']);
  });
});

test('the way back from the IRQ stack', () => {
  const found = lines([frame('handle_edge_irq', { stack: 'IRQ' }), frame('common_interrupt')]);
  expect(found[2]).toBe('--- <IRQ stack> ---');
});

test('what is not sure, has no name, or ends too early', () => {
  const unnamed: Frame = {
    address: 0xffffffffc0001000n,
    sp: 8n,
    reliable: false,
    kind: 'call',
    stack: 'task',
  };
  expect(
    lines([frame('f', { reliable: false }), unnamed], { end: 'stopped', why: 'the rest is lost' }),
  ).toEqual([
    HEAD,
    ' #0 [ff76c9734019fb60] ? f+0x1b3 at ffffffffa3291b93',
    ' #1 [0000000000000008] ? (unknown) at ffffffffc0001000',
    '    (stopped: the rest is lost)',
  ]);
});

test('names out of a damaged dump do not reach the terminal as they are', () => {
  const evil = '\x1b]0;x\x07';
  const found = btLines({ ...TASK, comm: evil }, { frames: [frame(evil, { module: evil })], end: 'whole' });
  expect(found.join('\n')).not.toContain('\x1b');
  expect(found.join('\n')).not.toContain('\x07');
});

test('arm64', () => {
  const registers = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`x${i}`, BigInt(i)]));
  const found = lines([
    {
      ...frame('cpu_do_idle', { kind: 'exception' }),
      registers: { ...registers, pc: 1n, sp: 2n, pstate: 0x60400005n },
    },
  ]);
  expect(found[2]).toBe('     PC: 0000000000000001   LR: 000000000000001e   SP: 0000000000000002');
  expect(found[3]).toBe('    X29: 000000000000001d  X28: 000000000000001c  X27: 000000000000001b');
  expect(found[12]).toBe('     X2: 0000000000000002   X1: 0000000000000001   X0: 0000000000000000');
  expect(found[13]).toBe('    PSTATE: 60400005');
});
