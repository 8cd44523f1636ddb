/** Backtraces of small kernels with one kind of stack each. */
import { describe, expect, test } from 'vitest';
import { panicCpu } from '../../../../capture/autopsy/tasks/panic-cpu.ts';
import type { Backtrace } from '../../../../capture/autopsy/unwind/frame.ts';
import { openUnwinder } from '../../../../capture/autopsy/unwind/unwinder.ts';
import type { Push } from '../../../support/kernel-stack.ts';
import { prstatus } from '../../../support/kernel-stack.ts';
import { BP, PREVIOUS_SP, type RuleSpec, SP, UnwindKernel } from '../../../support/unwind-kernel.ts';

const RULES: Readonly<Record<string, RuleSpec>> = {
  __switch_to_asm: { type: 'call' },
  /** Its frame: 2 words of its own and the saved RBP. */
  schedule: { type: 'call', sp: [SP, 32], bp: [PREVIOUS_SP, -16] },
  /** With a frame pointer. */
  kthread: { type: 'call', sp: [BP, 16], bp: [PREVIOUS_SP, -16] },
  ret_from_fork_asm: { type: 'end' },
  do_syscall_64: { type: 'call', sp: [SP, 8] },
  entry_SYSCALL_64: { type: 'regs', sp: [SP, 0] },
  asm_exc_page_fault: { type: 'regs', sp: [SP, 0] },
  asm_exc_nmi: { type: 'partial', sp: [SP, 0] },
  do_idle: { type: 'call', sp: [SP, 8] },
  /** The task's stack pointer is in RBP, as call_on_irqstack leaves it. */
  handle_irq: { type: 'call', sp: [BP, 8] },
  machine_kexec: { type: 'call', sp: [SP, 16] },
  __crash_kexec: { type: 'undefined' },
  panic: { type: 'call', sp: [BP, 16], bp: [PREVIOUS_SP, -16] },
  sysrq_handle_crash: { type: 'call', sp: [SP, 8] },
};
const USER = { ip: 0x401000n, sp: 0x7ffd0000n, cs: 0x33n, ss: 0x2bn, flags: 0x202n, ax: 1n };
const KERNEL_CS = 0x10n;

function kernelWith(more: Readonly<Record<string, RuleSpec>> = {}): UnwindKernel {
  return new UnwindKernel({ ...RULES, ...more });
}

/** `schedule`, its caller by address, and RBP in between. */
function pushSchedule(kernel: UnwindKernel, stack: Push, caller: bigint, bp = 0n): void {
  stack.push(caller, bp, 0x11n, 0x12n);
  stack.push(kernel.in('schedule'));
}

function backtraceOf(kernel: UnwindKernel, task: bigint): Backtrace {
  return openUnwinder(kernel.dead()).backtrace(task);
}

/** `name`, with `?` before what is not reliable and its kind behind what is no call. */
function shown({ frames }: Backtrace): string[] {
  return frames.map(
    ({ symbol, address, reliable, kind }) =>
      `${reliable ? '' : '? '}${symbol ?? `0x${address.toString(16)}`}${kind === 'call' ? '' : ` (${kind})`}`,
  );
}

describe('a task that waits', () => {
  test('in a system call: to the registers of the user', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    stack.pushRegisters(USER);
    stack.push(kernel.in('entry_SYSCALL_64'));
    pushSchedule(kernel, stack, kernel.in('do_syscall_64'));
    const found = backtraceOf(kernel, kernel.sleeper(stack));
    expect(shown(found)).toEqual(['schedule', 'do_syscall_64', 'entry_SYSCALL_64', '0x401000 (user)']);
    expect(found).toMatchObject({ end: 'whole' });
    expect(found.frames[3]).toMatchObject({ sp: 0x7ffd0000n, registers: { ax: 1n, cs: 0x33n } });
    expect(found.frames[0]).toMatchObject({
      address: kernel.in('schedule'),
      sp: stack.end - 168n - 8n - 32n - 8n,
      offset: 5,
      sizeBytes: 256,
      stack: 'task',
    });
  });

  test('a kernel thread: to its first function, by way of a frame pointer', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    stack.push(kernel.in('ret_from_fork_asm'));
    const frame = stack.push(0n);
    stack.push(0x21n, 0x22n, 0x23n);
    pushSchedule(kernel, stack, kernel.in('kthread'), frame);
    const found = backtraceOf(kernel, kernel.sleeper(stack));
    expect(shown(found)).toEqual(['schedule', 'kthread', 'ret_from_fork_asm']);
    expect(found.end).toBe('whole');
  });

  test('one that has not run yet begins at the function itself', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    stack.push(kernel.in('ret_from_fork_asm', 0n));
    const found = backtraceOf(kernel, kernel.sleeper(stack));
    expect(shown(found)).toEqual(['ret_from_fork_asm']);
    expect(found.frames[0]).toMatchObject({ offset: 0 });
  });

  test('a dead one has no stack', () => {
    const kernel = kernelWith();
    const found = backtraceOf(kernel, kernel.task({ stack: 0n }));
    expect(found).toEqual({ frames: [], end: 'stopped', why: expect.stringMatching(/already freed/) });
  });

  test('on a CPU that nothing names, and so not at all: what it saved when it last slept is old', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    pushSchedule(kernel, stack, kernel.in('kthread'));
    const task = kernel.sleeper(stack);
    expect(backtraceOf(kernel, task).frames).not.toEqual([]);
    kernel.memory.u64(task + 0x30n, 1n | (1n << 32n));
    expect(backtraceOf(kernel, task)).toEqual({
      frames: [],
      end: 'stopped',
      why: 'it was on a CPU whose registers are not known',
    });
  });

  test('with a stack pointer that is not on its stack', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    const other = kernel.stack();
    other.push(kernel.in('schedule'), 0n);
    const found = backtraceOf(kernel, kernel.task({ stack: stack.start, sp: other.sp - 40n }));
    expect(found).toMatchObject({
      frames: [],
      end: 'stopped',
      why: expect.stringMatching(/is not on its stack/),
    });
  });

  test('with a stack that is not in the dump', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    pushSchedule(kernel, stack, kernel.in('kthread'));
    const task = kernel.sleeper(stack);
    kernel.memory.remove(stack.end - 1n);
    expect(backtraceOf(kernel, task)).toMatchObject({
      frames: [],
      end: 'stopped',
      why: expect.stringMatching(/the vmcore does not hold it/),
    });
  });
});

describe('a task that ran', () => {
  test('in user mode: only its registers', () => {
    const kernel = kernelWith();
    const task = kernel.task({ stack: kernel.stack().start });
    kernel.run(0, task);
    kernel.saveRegisters(0, USER);
    const found = backtraceOf(kernel, task);
    expect(shown(found)).toEqual(['0x401000 (user)']);
    expect(found.frames[0]!.registers).toMatchObject(USER);
  });

  test('stopped by the NMI of the panic: from where that was', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    stack.push(kernel.in('ret_from_fork_asm'));
    const task = kernel.task({ stack: stack.start });
    kernel.run(1, task);
    kernel.saveRegisters(1, { ip: kernel.in('do_idle', 0n), sp: stack.sp, cs: KERNEL_CS });
    expect(shown(backtraceOf(kernel, task))).toEqual(['do_idle (exception)', 'ret_from_fork_asm']);
  });

  test('one that did not stop says so', () => {
    const kernel = kernelWith();
    const task = kernel.task({ stack: kernel.stack().start });
    kernel.run(1, task);
    kernel.saveRegisters(0, USER);
    expect(backtraceOf(kernel, task)).toMatchObject({
      frames: [],
      end: 'stopped',
      why: 'CPU 1, which runs it, left no registers: it did not stop at the panic',
    });
  });

  test('on the NMI stack, from the IRQ stack, from its own, from user mode', () => {
    const kernel = kernelWith();
    const [task, irq, nmi] = [kernel.stack(), kernel.irqStack(0), kernel.nmiStack(0)];
    task.pushRegisters(USER);
    const onTask = task.push(kernel.in('entry_SYSCALL_64'), kernel.in('do_syscall_64'));
    irq.push(onTask);
    nmi.pushIret({ ip: kernel.in('handle_irq', 9n), sp: irq.sp, cs: KERNEL_CS });
    const registers = { ip: kernel.in('asm_exc_nmi', 0n), sp: nmi.sp, bp: onTask, cs: KERNEL_CS };
    const address = kernel.task({ stack: task.start });
    kernel.run(0, address);
    kernel.saveRegisters(0, registers);
    const found = backtraceOf(kernel, address);
    expect(shown(found)).toEqual([
      'asm_exc_nmi (exception)',
      'handle_irq (exception)',
      'do_syscall_64',
      'entry_SYSCALL_64',
      '0x401000 (user)',
    ]);
    expect(found.frames.map(({ stack }) => stack)).toEqual(['NMI', 'IRQ', 'task', 'task', undefined]);
    // The CPU pushed no more than these.
    expect(Object.keys(found.frames[1]!.registers!)).toEqual(['ip', 'cs', 'flags', 'sp', 'ss']);
  });

  test('on a stack pointer in nowhere', () => {
    const kernel = kernelWith();
    const task = kernel.task({ stack: kernel.stack().start });
    kernel.run(0, task);
    kernel.saveRegisters(0, { ip: kernel.in('do_idle'), sp: 0xdead0000n, cs: KERNEL_CS });
    const found = backtraceOf(kernel, task);
    expect(shown(found)).toEqual(['do_idle (exception)']);
    expect(found).toMatchObject({ end: 'stopped', why: expect.stringMatching(/0xdead0000 is on no stack/) });
  });

  test('through a NULL pointer: its caller is on top of the stack', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    stack.push(kernel.in('ret_from_fork_asm'), kernel.in('do_idle'));
    const task = kernel.task({ stack: stack.start });
    kernel.run(0, task);
    kernel.saveRegisters(0, { ip: 0n, sp: stack.sp, cs: KERNEL_CS });
    expect(shown(backtraceOf(kernel, task))).toEqual(['0x0 (exception)', '? do_idle', 'ret_from_fork_asm']);
  });

  test('in code without rules, as of BPF: by its frame pointer', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    stack.push(kernel.in('ret_from_fork_asm'), kernel.in('do_idle'));
    const bp = stack.push(0n);
    stack.push(1n, 2n);
    const task = kernel.task({ stack: stack.start });
    kernel.run(0, task);
    kernel.saveRegisters(0, { ip: 0xffffffffc0000000n, sp: stack.sp, bp, cs: KERNEL_CS });
    expect(shown(backtraceOf(kernel, task))).toEqual([
      '0xffffffffc0000000 (exception)',
      '? do_idle',
      'ret_from_fork_asm',
    ]);
  });
});

describe('the task that panicked', () => {
  /** machine_kexec <- __crash_kexec <- panic <- sysrq_handle_crash <- the end. */
  function panicking(kernel: UnwindKernel, callers = [kernel.in('ret_from_fork_asm')]) {
    const stack = kernel.stack();
    stack.push(...callers, kernel.in('sysrq_handle_crash'));
    const bp = stack.push(0n);
    stack.push(0x31n, kernel.call('panic', '__crash_kexec'));
    const before = stack.sp;
    stack.push(0x41n, kernel.in('__crash_kexec', 77n));
    // Where __crash_kexec keeps the saved registers: this looks like a return address, too.
    stack.push(0x42n, kernel.call('__crash_kexec', 'machine_kexec'), 0x43n);
    stack.push(kernel.call('machine_kexec', 'do_idle'));
    const task = kernel.task({ stack: stack.start });
    kernel.run(0, task);
    kernel.panicOn(0);
    return { task, bp, stack, before };
  }
  const WHOLE = ['machine_kexec', '__crash_kexec', 'panic', 'sysrq_handle_crash', 'ret_from_fork_asm'];

  test('from machine_kexec, through the code that has no rules', () => {
    const kernel = kernelWith();
    const { task, bp, before } = panicking(kernel);
    kernel.saveRegisters(0, { ip: kernel.in('__crash_kexec', 77n), sp: before - 8n, bp, cs: KERNEL_CS });
    const found = backtraceOf(kernel, task);
    expect(shown(found)).toEqual(WHOLE);
    expect(found.end).toBe('whole');
  });

  test('on a kernel whose variables are not known: by the function that only its CPU runs', () => {
    const kernel = kernelWith();
    const { task, bp, before } = panicking(kernel);
    kernel.saveRegisters(0, { ip: kernel.in('__crash_kexec', 77n), sp: before - 8n, bp, cs: KERNEL_CS });
    const idle = kernel.stack();
    idle.push(kernel.in('ret_from_fork_asm'));
    kernel.run(1, kernel.task({ stack: idle.start }));
    kernel.forget('crashing_cpu');
    expect(panicCpu(kernel.dead())).toBe(0);
    expect(shown(backtraceOf(kernel, task))).toEqual(WHOLE);
    // Of two, one is damage.
    idle.push(kernel.call('__crash_kexec', 'machine_kexec'));
    expect(panicCpu(kernel.dead())).toBeUndefined();
  });

  test('without a call that names the callee, the caller is only likely', () => {
    const kernel = kernelWith();
    const { task, bp, before } = panicking(kernel);
    kernel.memory.write(kernel.in('panic', 0n), new Uint8Array([0, 0, 0, 0xff, 0xd0]));
    kernel.saveRegisters(0, { ip: kernel.in('__crash_kexec', 77n), sp: before - 8n, bp, cs: KERNEL_CS });
    expect(shown(backtraceOf(kernel, task))).toEqual(WHOLE.with(2, '? panic'));
  });

  test('from the saved registers, when what is on the stack does not lead to them', () => {
    const kernel = kernelWith();
    const { task, stack, bp, before } = panicking(kernel);
    kernel.memory.u64(stack.sp, 0n);
    kernel.memory.u64(before - 16n - 16n, 0n);
    kernel.saveRegisters(0, { ip: kernel.in('__crash_kexec', 77n), sp: before - 8n, bp, cs: KERNEL_CS });
    expect(shown(backtraceOf(kernel, task))).toEqual([
      '__crash_kexec (exception)',
      'panic',
      'sysrq_handle_crash',
      'ret_from_fork_asm',
    ]);
  });

  test('whose callers’ frames were overwritten: sure up to there, and a guess behind', () => {
    const kernel = kernelWith();
    const caller = kernel.call('do_idle', 'schedule');
    const overwritten = [kernel.in('ret_from_fork_asm'), caller, 0x5a5a5a5a5a5a5a5an];
    const { task, bp, before } = panicking(kernel, overwritten);
    kernel.saveRegisters(0, { ip: kernel.in('__crash_kexec', 77n), sp: before - 8n, bp, cs: KERNEL_CS });
    const found = backtraceOf(kernel, task);
    expect(shown(found)).toEqual([...WHOLE.slice(0, -1), '? do_idle', 'ret_from_fork_asm']);
    expect(found.end).toBe('whole');
  });

  test('by a fault: the exception stands between, with its registers', () => {
    const kernel = kernelWith();
    const stack = kernel.stack();
    stack.push(kernel.in('ret_from_fork_asm'));
    const fault = { ip: kernel.in('sysrq_handle_crash', 3n), sp: stack.sp, cs: KERNEL_CS, di: 7n };
    stack.pushRegisters(fault);
    stack.push(kernel.call('asm_exc_page_fault', '__crash_kexec'));
    stack.push(0x42n, kernel.call('__crash_kexec', 'machine_kexec'), 0x43n);
    stack.push(kernel.call('machine_kexec', 'do_idle'));
    const task = kernel.task({ stack: stack.start });
    kernel.run(0, task);
    kernel.panicOn(0);
    kernel.saveRegisters(0, fault);
    const found = backtraceOf(kernel, task);
    expect(shown(found)).toEqual([
      'machine_kexec',
      '__crash_kexec',
      'asm_exc_page_fault',
      'sysrq_handle_crash (exception)',
      'ret_from_fork_asm',
    ]);
    expect(found.frames[3]!.registers).toMatchObject({ di: 7n });
  });
});

describe('a stack that cannot be followed', () => {
  test('shows what looks like return addresses, each unsure', () => {
    const kernel = kernelWith({ broken: { type: 'undefined' }, loop: { type: 'call', sp: [SP, 0] } });
    const stack = kernel.stack();
    stack.push(0n, kernel.call('loop', 'do_idle'), 5n, kernel.in('do_idle', 200n));
    const task = kernel.task({ stack: stack.start });
    kernel.run(0, task);
    kernel.saveRegisters(0, { ip: kernel.in('broken'), sp: stack.sp, cs: KERNEL_CS });
    const found = backtraceOf(kernel, task);
    // do_idle+200 is not behind a call.
    expect(shown(found)).toEqual(['broken (exception)', '? loop']);
    expect(found).toMatchObject({ end: 'stopped', why: 'the unwinding table has no rule for its code' });
  });

  test('a caller below its callee ends the backtrace', () => {
    const kernel = kernelWith({ down: { type: 'call', sp: [SP, -64] } });
    const stack = kernel.stack();
    stack.push(0n, 0n, 0n);
    kernel.memory.u64(stack.sp - 72n, kernel.in('do_idle'));
    const task = kernel.task({ stack: stack.start });
    kernel.run(0, task);
    kernel.saveRegisters(0, { ip: kernel.in('down'), sp: stack.sp, cs: KERNEL_CS });
    expect(backtraceOf(kernel, task)).toMatchObject({
      end: 'stopped',
      why: expect.stringMatching(/is not above its own/),
    });
  });

  test('two stacks that lead to each other are left once each', () => {
    const kernel = kernelWith();
    const [own, irq] = [kernel.stack(), kernel.irqStack(0)];
    const onIrq = irq.push(0n, kernel.in('do_idle'));
    const onOwn = own.push(0n, kernel.in('handle_irq'));
    // Each exception was on the other's stack.
    irq.pushRegisters({ ip: kernel.in('asm_exc_page_fault'), sp: own.sp - 168n, cs: KERNEL_CS });
    own.pushRegisters({ ip: kernel.in('asm_exc_page_fault'), sp: irq.sp, cs: KERNEL_CS });
    expect([onIrq, onOwn]).not.toContain(0n);
    const task = kernel.task({ stack: own.start });
    kernel.run(0, task);
    kernel.saveRegisters(0, { ip: kernel.in('asm_exc_page_fault', 0n), sp: own.sp, cs: KERNEL_CS });
    const found = backtraceOf(kernel, task);
    expect(found).toMatchObject({ end: 'stopped', why: 'the task stack was left and is entered again' });
    expect(found.frames.length).toBeLessThan(8);
  });
});

describe('the notes of the CPUs', () => {
  const registersOf = (kernel: UnwindKernel, notes: Parameters<UnwindKernel['dead']>[0]) =>
    openUnwinder(kernel.dead(notes)).cpus.map(({ registers }) => registers?.ip);
  const note = (ip: bigint, pid: number) => ({ name: 'CORE', type: 1, desc: prstatus({ ip }, pid) });

  test('those in memory have CPU numbers: an offline CPU in between does not shift them', () => {
    const kernel = new UnwindKernel(RULES, 3);
    kernel.online = [0, 2];
    kernel.saveRegisters(0, { ip: 10n });
    kernel.saveRegisters(2, { ip: 12n });
    expect(registersOf(kernel, [note(1n, 0), note(2n, 0), note(3n, 0)])).toEqual([10n, 12n]);
  });

  test('without those in memory, the PT_NOTE is in the order of the CPUs', () => {
    expect(registersOf(kernelWith(), [note(1n, 0), note(2n, 0)])).toEqual([1n, 2n]);
  });

  test('a CPU that was offline before is none of them', () => {
    const kernel = kernelWith();
    kernel.online = [0];
    kernel.saveRegisters(0, { ip: 10n });
    expect(registersOf(kernel, [])).toEqual([10n]);
  });

  test('a PT_NOTE of all CPUs has those that the panic took offline, too', () => {
    const kernel = kernelWith();
    kernel.online = [1];
    kernel.run(1, kernel.task({ stack: 0n, pid: 1 }));
    expect(registersOf(kernel, [note(1n, 1), note(2n, 2)])).toEqual([1n, 2n]);
  });

  test('a PT_NOTE of fewer CPUs is matched by the PIDs, where those are of one task', () => {
    const kernel = kernelWith();
    kernel.run(0, kernel.task({ stack: 0n, pid: 0 }));
    kernel.run(1, kernel.task({ stack: 0n, pid: 77 }));
    expect(registersOf(kernel, [note(7n, 77)])).toEqual([undefined, 7n]);
  });

  test('a note that was cut has no registers', () => {
    const kernel = kernelWith();
    const short = { name: 'CORE', type: 1, desc: prstatus({ ip: 1n }).subarray(0, 200) };
    expect(registersOf(kernel, [short, note(2n, 0)])).toEqual([undefined, 2n]);
  });
});

test('a kernel without tables says what it lacks', () => {
  const kernel = kernelWith();
  kernel.forget('__start_orc_unwind_ip');
  expect(() => openUnwinder(kernel.dead())).toThrow(/has no ORC tables .* CONFIG_UNWINDER_ORC/);
});
