/** The judge of backtraces can fail: it notices what is missing, what is too much, and what has another name. */
import { expect, test } from 'vitest';
import { compareBacktraces, type DwarfFrame, type OurFrame } from '../../../../qemu/judges/backtraces.ts';

const TEXT = 0xffffffff81000000n;

function dwarf(name: string, at: bigint, more: Partial<DwarfFrame> = {}): DwarfFrame {
  return { address: `0x${(TEXT + at).toString(16)}`, name, symbol: name, inline: false, ...more };
}

function our(symbol: string, at: bigint, more: Partial<OurFrame> = {}): OurFrame {
  return { address: TEXT + at, symbol, kind: 'call', ...more };
}

const THEIRS = [
  dwarf('context_switch', 1n, { inline: true }),
  dwarf('__schedule', 1n),
  dwarf('kjournald2', 2n, { name: '0xffffffffc0000002', symbol: null }),
  dwarf('kthread', 3n),
  dwarf('ret_from_fork_asm', 4n),
  dwarf('0x47b7a0', 0n, { address: '0x47b7a0', symbol: null }),
];
const OURS = [
  our('__schedule', 1n),
  our('kjournald2', 2n, { module: 'jbd2' }),
  our('kthread.isra.0', 3n),
  our('ret_from_fork', 4n),
  our('', 0n, { address: 0x47b7a0n, kind: 'user' }),
];

function problems(ours: readonly OurFrame[], theirs: readonly DwarfFrame[] = THEIRS): readonly string[] {
  const task = { pid: 7, task: '0xffff888000000000', comm: 'a', frames: theirs, problem: null };
  return compareBacktraces([task], address => (address === 0xffff888000000000n ? ours : [])).problems;
}

test('equal but for inlined functions, parts of functions, entry code, modules and user mode', () => {
  expect(problems(OURS)).toEqual([]);
});

test.each<[string, readonly OurFrame[]]>([
  ['a frame that is missing', OURS.toSpliced(2, 1)],
  ['the outermost frame that is missing', OURS.toSpliced(3, 1)],
  ['no frames at all', []],
  ['a frame too much', OURS.toSpliced(2, 0, our('old', 9n))],
  ['a frame too much before the first', [our('old', 9n), ...OURS.slice(1)]],
  ['another name', OURS.with(2, our('kthreadd', 3n))],
  ['another address', OURS.with(2, our('kthread', 9n))],
  ['another order', [OURS[0]!, OURS[2]!, OURS[1]!, OURS[3]!]],
  ['a name in the kernel instead of one in a module', OURS.with(1, our('kjournald2', 2n))],
])('different by %s', (_, ours) => {
  expect(problems(ours)).toEqual([expect.stringMatching(/^PID 7 \(a\): .*; by DWARF: __schedule/)]);
});

test('the task that panicked: ours begins with the calls after the registers were saved', () => {
  const theirs = [dwarf('__crash_kexec', 9n), dwarf('panic', 2n), dwarf('sysrq_handle_crash', 3n)];
  const ours = [
    our('machine_kexec', 1n),
    our('__crash_kexec', 8n),
    our('panic', 2n),
    our('sysrq_handle_crash', 3n),
  ];
  expect(problems(ours, theirs)).toEqual([]);
  expect(problems(ours.toSpliced(2, 1), theirs)).toHaveLength(1);
  expect(problems(ours.with(1, our('other', 8n)), theirs)).toHaveLength(1);
});

test('a CPU that was stopped at the entry of an exception: drgn leaves the interrupted function out', () => {
  const theirs = [dwarf('vectors', 1n), dwarf('__const_udelay', 2n), dwarf('panic', 3n)];
  const ours = [our('vectors', 1n), our('__delay', 9n), our('__const_udelay', 2n), our('panic', 3n)];
  expect(problems(ours, theirs)).toEqual([]);
  expect(problems(ours.toSpliced(1, 1), theirs)).toEqual([]);
  expect(problems(ours.toSpliced(2, 1), theirs)).toHaveLength(1);
  expect(problems(ours.toSpliced(1, 0, our('old', 8n)), theirs)).toHaveLength(1);
  expect(problems(ours.with(0, our('el1h_64_irq', 1n)), theirs)).toHaveLength(1);
});

test('drgn, where it does not come out of a frame: what is before is compared, and that frame once', () => {
  const stuck = (times: number) => Array.from({ length: times }, () => dwarf('__delay_cycles', 2n));
  const theirs = [dwarf('el1h_64_irq', 1n), ...stuck(1000)];
  const ours = [our('el1h_64_irq', 1n), our('__delay_cycles', 2n), our('__delay', 3n), our('panic', 4n)];
  expect(problems(ours, theirs)).toEqual([]);
  expect(problems(ours.toSpliced(0, 1), theirs)).toHaveLength(1);
  expect(problems(ours.toSpliced(1, 1), theirs)).toHaveLength(1);
  expect(problems(ours.slice(0, 1), theirs)).toHaveLength(1);
  // A function that calls itself some times, and one that is returned from.
  expect(problems(ours, [dwarf('el1h_64_irq', 1n), ...stuck(3)])).toHaveLength(1);
  expect(problems(ours, [...theirs, dwarf('panic', 4n)])).toHaveLength(1);
});

test('tasks that drgn cannot unwind are not counted', () => {
  const none = { pid: 1, task: '0x1', comm: 'a', frames: [], problem: 'x' };
  expect(compareBacktraces([none], () => [])).toEqual({ tasks: 0, frames: 0, problems: [] });
});
