/** A kernel whose stacks, tables and notes are damaged: every backtrace ends, and none throws. */
import { describe, expect, test } from 'vitest';
import type { Backtrace } from '../../../../capture/autopsy/unwind/frame.ts';
import { openUnwinder } from '../../../../capture/autopsy/unwind/unwinder.ts';
import { AutopsyError, KernelError } from '../../../../capture/errors.ts';
import { Random } from '../../../support/random.ts';
import { BP, PREVIOUS_SP, SP, UnwindKernel } from '../../../support/unwind-kernel.ts';

const PAGE = 4096n;

/** Three tasks: one waits, one was interrupted twice, one panicked. */
function machine() {
  const kernel = new UnwindKernel({
    schedule: { type: 'call', sp: [SP, 32], bp: [PREVIOUS_SP, -16] },
    entry: { type: 'regs', sp: [SP, 0] },
    nmi: { type: 'partial', sp: [SP, 0] },
    irq: { type: 'call', sp: [BP, 8] },
    indirect: { type: 'call', sp: [9, 8] },
    machine_kexec: { type: 'call', sp: [SP, 16] },
    __crash_kexec: { type: 'undefined' },
    panic: { type: 'call', sp: [BP, 16], bp: [PREVIOUS_SP, -16] },
    end: { type: 'end' },
  });
  const waits = kernel.stack();
  waits.pushRegisters({ ip: 0x401000n, cs: 0x33n });
  waits.push(kernel.in('entry'));
  for (let i = 0; i < 20; i++) waits.push(0n, 1n, 2n, kernel.in('schedule'));

  const [own, irq, nmi] = [kernel.stack(), kernel.irqStack(0), kernel.nmiStack(0)];
  const last = own.push(kernel.in('end'));
  const bp = own.push(last, kernel.in('indirect'));
  irq.push(bp);
  nmi.pushIret({ ip: kernel.in('irq', 9n), sp: irq.sp, cs: 0x10n });
  const interrupted = kernel.task({ stack: own.start });
  kernel.run(0, interrupted);
  kernel.saveRegisters(0, { ip: kernel.in('nmi', 0n), sp: nmi.sp, bp, cs: 0x10n });

  const fatal = kernel.stack();
  fatal.push(kernel.in('end'));
  const frame = fatal.push(0n);
  fatal.push(
    1n,
    kernel.call('panic', '__crash_kexec'),
    2n,
    kernel.call('__crash_kexec', 'machine_kexec'),
    3n,
  );
  fatal.push(kernel.call('machine_kexec', 'end'));
  const panicked = kernel.task({ stack: fatal.start });
  kernel.run(1, panicked);
  kernel.saveRegisters(1, { ip: kernel.in('__crash_kexec'), sp: frame - 32n, bp: frame, cs: 0x10n });
  kernel.panicOn(1);
  return {
    kernel,
    tasks: [kernel.sleeper(waits), interrupted, panicked],
    stacks: [waits, own, irq, nmi, fatal],
  };
}

/** Undefined when the kernel as a whole is refused. */
function backtraces({ kernel, tasks }: ReturnType<typeof machine>): Backtrace[] | undefined {
  try {
    const unwinder = openUnwinder(kernel.dead());
    return tasks.map(task => unwinder.backtrace(task));
  } catch (error) {
    if (error instanceof AutopsyError || error instanceof KernelError) return undefined;
    throw error;
  }
}

function isSound({ frames, ...end }: Backtrace): boolean {
  const isExplained = end.end === 'whole' || end.why.length > 10;
  return isExplained && frames.length <= 1100 && (end.end === 'stopped' || frames.length > 0);
}

test('undamaged, all are whole', () => {
  expect(backtraces(machine())!.map(({ end }) => end)).toEqual(['whole', 'whole', 'whole']);
});

describe('every page that is not in the dump', () => {
  const pages = [...machine().kernel.memory.pages.keys()];
  test.each(pages.map(page => (page * PAGE).toString(16)))('%s', page => {
    const damaged = machine();
    damaged.kernel.memory.remove(BigInt(`0x${page}`));
    expect((backtraces(damaged) ?? []).every(isSound)).toBe(true);
  });
});

test('a damaged stack costs the backtrace of its own task', () => {
  const damaged = machine();
  damaged.kernel.memory.write(damaged.stacks[0]!.start, new Uint8Array(16384));
  expect(backtraces(damaged)!.map(({ end }) => end)).toEqual(['stopped', 'whole', 'whole']);
});

/** Words that lead somewhere: into the stacks, the code, to the edges of both. */
function words({ kernel, stacks }: ReturnType<typeof machine>): bigint[] {
  const edges = stacks.flatMap(({ start, end, sp }) => [start - 8n, start, start + 1n, sp, end - 8n, end]);
  return [...edges, ...kernel.functions.map(({ address }) => address + 5n), 0n, 1n, -1n, 1n << 63n];
}

test('changed words: on stacks, in tables, in code, in notes', { timeout: 60_000 }, () => {
  const random = new Random(17);
  const counts = { whole: 0, stopped: 0, refused: 0 };
  for (let round = 0; round < 300; round++) {
    const damaged = machine();
    const { memory } = damaged.kernel;
    const pages = [...memory.pages.keys()];
    const values = words(damaged);
    for (let change = 0; change < 1 + random.below(8); change++) {
      const page = pages[random.below(pages.length)]! * PAGE;
      memory.u64(page + 8n * BigInt(random.below(512)), values[random.below(values.length)]!);
    }
    for (const { end, sp } of damaged.stacks) {
      const room = Number((end - sp) / 8n);
      if (room > 0 && random.below(2) === 0) {
        memory.u64(sp + 8n * BigInt(random.below(room)), values[random.below(values.length)]!);
      }
    }
    const startedMs = performance.now();
    const found = backtraces(damaged);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    if (!found) counts.refused++;
    for (const one of found ?? []) {
      expect(isSound(one)).toBe(true);
      counts[one.end]++;
    }
  }
  // The damage is real, and does not reach everything.
  expect(counts.whole).toBeGreaterThan(100);
  expect(counts.stopped).toBeGreaterThan(50);
});

describe('a stack that is full of return addresses', () => {
  test.each(['schedule', 'machine_kexec', '__crash_kexec', 'panic'])('of %s', name => {
    const { kernel, tasks, stacks } = machine();
    const address = kernel.call(name, 'machine_kexec');
    for (const { start, end } of stacks)
      for (let slot = start; slot < end; slot += 8n) kernel.memory.u64(slot, address);
    const startedMs = performance.now();
    const unwinder = openUnwinder(kernel.dead());
    for (const task of tasks) expect(isSound(unwinder.backtrace(task))).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});
