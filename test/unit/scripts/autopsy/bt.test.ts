/** Whose backtraces `bt` shows, and that its JSON is what is documented. */
import { describe, expect, test } from 'vitest';
import type { Task, TaskList } from '../../../../capture/autopsy/tasks/tasks.ts';
import type { Backtrace } from '../../../../capture/autopsy/unwind/frame.ts';
import { AutopsyError } from '../../../../capture/errors.ts';
import { btData, chooseBacktraces } from '../../../../scripts/lib/autopsy/bt.ts';
import { UsageError } from '../../../../scripts/lib/cli/command.ts';
import { DOCUMENTS } from '../../../../scripts/lib/schema/documents.ts';
import { misfits, placesOf } from '../../../support/json-schema.ts';

function task(pid: number, comm: string, address: bigint): Task {
  return { pid, comm, address, tgid: pid, cpu: 0, isCurrent: false } as Task;
}

const IDLE = task(0, 'swapper/1', 0xffff888000001000n);
const INIT = task(1, 'init', 0xffff888000002000n);
const BASH = task(217, 'bash', 0xffff888000003000n);
const LIST = {
  tasks: [IDLE, INIT, BASH],
  panicTask: BASH,
} as unknown as TaskList;
const CPUS = [
  { cpu: 0, task: BASH.address, registers: undefined },
  { cpu: 1, task: IDLE.address, registers: undefined },
  { cpu: 3, task: undefined, registers: undefined },
];
const NONE = { words: [], active: false, all: false, panic: false, cpu: undefined };

describe('whose', () => {
  test.each([
    ['by default, of the task that panicked', {}, [217]],
    ['the same by name', { panic: true }, [217]],
    ['by PID', { words: ['1'] }, [1]],
    ['by several words', { words: ['bash', 'ffff888000002000'] }, [1, 217]],
    ['of each CPU', { active: true }, [217, 0]],
    ['of one CPU', { cpu: '1' }, [0]],
    ['of all', { all: true }, [0, 1, 217]],
  ])('%s', (_, choice, pids) => {
    expect(chooseBacktraces(LIST, CPUS, { ...NONE, ...choice }).map(({ pid }) => pid)).toEqual(pids);
  });

  test.each([
    [
      'two ways at once',
      { active: true, cpu: '0' },
      /2 ways to choose tasks are given; expected one of PIDs/,
    ],
    ['a CPU that was offline', { cpu: '2' }, /CPU 2 was not online; expected one of 0, 1, 3/],
    ['a CPU that is no number', { cpu: 'x' }, /expected a whole number/],
    ['a PID that no task has', { words: ['99'] }, /find the task 99/],
  ])('not %s', (_, choice, why) => {
    const choose = () => chooseBacktraces(LIST, CPUS, { ...NONE, ...choice });
    expect(choose).toThrow(UsageError);
    expect(choose).toThrow(why);
  });

  test('a machine that did not panic asks for a choice', () => {
    const choose = () => chooseBacktraces({ ...LIST, panicTask: undefined }, CPUS, NONE);
    expect(choose).toThrow(AutopsyError);
    expect(choose).toThrow(/Name a PID, or try kdumpling bt --active/);
  });

  test.each([
    ['with what the kernel lacks', ['kallsyms has the functions alone'], /kallsyms has the functions alone/],
    ['as far as it is known', [], /no task can be read/],
  ])('a kernel without tasks is refused %s, whatever is asked for', (_, lacks, why) => {
    const nobody = { ...LIST, tasks: [], panicTask: undefined };
    for (const choice of [NONE, { ...NONE, active: true }, { ...NONE, all: true }, { ...NONE, words: ['1'] }])
      expect(() => chooseBacktraces(nobody, [], choice, lacks)).toThrow(why);
  });
});

describe('the document', () => {
  const header = { format: 1, dump: 'd', release: '6.12.0', missing: [] };
  const place = { symbol: 'f', offset: 1, sizeBytes: 9, module: 'm' };
  const whole: Backtrace = {
    end: 'whole',
    frames: [
      { address: 1n, sp: 2n, kind: 'call', reliable: true, stack: 'task', ...place },
      { address: 3n, sp: 4n, kind: 'user', reliable: true, registers: { ip: 3n } },
    ],
  };
  const stopped: Backtrace = { end: 'stopped', why: 'it does', frames: [] };
  const document = { ...header, tasks: [btData(INIT, whole), btData(BASH, stopped)] };

  test('is as it is documented, and has all that is documented', () => {
    const seen = new Set<string>();
    expect(misfits(DOCUMENTS.bt!, JSON.parse(JSON.stringify(document)), seen)).toEqual([]);
    // Two shapes of one member cannot both be there.
    const places = placesOf(DOCUMENTS.bt!).filter(place => !place.endsWith('missing[]'));
    expect(places.filter(place => !seen.has(place))).toEqual([]);
  });

  test('has addresses as text', () => {
    expect(document.tasks[0]!.frames).toEqual([
      {
        address: '0000000000000001',
        sp: '0000000000000002',
        kind: 'call',
        reliable: true,
        stack: 'task',
        symbol: 'f',
        offset: 1,
        bytes: 9,
        module: 'm',
      },
      {
        address: '0000000000000003',
        sp: '0000000000000004',
        kind: 'user',
        reliable: true,
        registers: { ip: '0000000000000003' },
      },
    ]);
  });
});
