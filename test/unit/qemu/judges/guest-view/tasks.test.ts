/** The guest's tasks against a dump's: what is compared, and what is found. */
import { expect, test } from 'vitest';
import {
  compareTasks,
  type DumpedTask,
  guestTasks,
  unmoved,
} from '../../../../../qemu/judges/guest-view/tasks.ts';
import { readGuestView } from '../../../../../qemu/judges/guest-view/view.ts';

/** Fields 5 to 52 of stat, with the processor in its place. */
const rest = (cpu: number) => Array.from({ length: 48 }, (_, i) => (i === 34 ? String(cpu) : '0')).join(' ');

interface Line {
  readonly pid: number;
  readonly comm: string;
  readonly switches: number;
}

function viewOf(tasks: readonly Line[]) {
  const lines = tasks.flatMap(({ pid, comm, switches }) => [
    `lab: view ${pid}/task/${pid}/status VmSize:\t    2500 kB`,
    `lab: view ${pid}/task/${pid}/status VmRSS:\t     700 kB`,
    `lab: view ${pid}/task/${pid}/status voluntary_ctxt_switches:\t${switches}`,
    `lab: view ${pid}/task/${pid}/status nonvoluntary_ctxt_switches:\t2`,
    `lab: view ${pid}/task/${pid}/stat ${pid} (${comm}) S 1 ${rest(1)}`,
    `lab: view ${pid}/task/${pid}/stack [<0>] do_wait+0x1b/0x30`,
    `lab: view ${pid}/task/${pid}/stack [<0>] entry_SYSCALL_64_after_hwframe+0x6e/0xd8`,
  ]);
  return readGuestView(['lab: armed', 'lab: view begin', ...lines, 'lab: view end'])!;
}

const GUESTS = guestTasks(
  viewOf([
    { pid: 20, comm: 'sh (odd) name', switches: 5 },
    { pid: 21, comm: 'kworker/0:1-events', switches: 7 },
  ]),
);
const SH: DumpedTask = {
  pid: 20,
  tgid: 20,
  comm: 'sh (odd) name',
  state: 'S',
  ppid: 1,
  cpu: 1,
  virtualKib: 2500,
  residentKib: 700,
  addedKib: 4,
  switches: 7,
  isKernelThread: false,
  isCurrent: false,
};
const WORKER: DumpedTask = {
  ...SH,
  pid: 21,
  tgid: 21,
  comm: 'kworker/0:1',
  switches: 30,
  isKernelThread: true,
};

test('all of a task is read', () => {
  expect(GUESTS[0]).toEqual({
    pid: 20,
    tgid: 20,
    comm: 'sh (odd) name',
    state: 'S',
    ppid: 1,
    cpu: 1,
    virtualKib: 2500,
    residentKib: 700,
    switches: 7,
    stack: ['do_wait+0x1b', 'entry_SYSCALL_64_after_hwframe+0x6e'],
  });
});

test('what was not printed to its end is no view', () => {
  expect(readGuestView(['lab: view begin', 'lab: view meminfo MemTotal: 1 kB'])).toBeUndefined();
  expect(readGuestView([])).toBeUndefined();
});

test('tasks that agree', () => {
  expect(compareTasks(GUESTS, [SH, WORKER])).toEqual({
    compared: 2,
    differences: [],
    notes: ['1 had not run since'],
  });
});

test.each<[string, Partial<DumpedTask>, string]>([
  ['parent', { ppid: 2 }, 'ppid 2, not 1'],
  ['name', { comm: 'bash' }, 'name bash, not sh (odd) name'],
  ['state', { state: 'D' }, 'state D, not S'],
  ['CPU', { cpu: 0 }, 'cpu 0, not 1'],
  ['size', { virtualKib: 2504 }, 'virtualKib 2504, not 2500'],
  ['resident memory', { residentKib: 704 }, 'residentKib 704 or 4, not 700'],
])('another %s is found', (_, changed, text) => {
  const { differences } = compareTasks(GUESTS, [{ ...SH, ...changed }, WORKER]);
  expect(differences).toEqual([`PID 20 (sh (odd) name) has ${text}`]);
});

test('/proc shows what a task has added to its counters, or all of it', () => {
  const counting = { ...SH, residentKib: 1500, addedKib: 700 };
  expect(compareTasks(GUESTS, [counting, WORKER]).differences).toEqual([]);
});

test('of a task that has run since, the state may be another and the parent may not', () => {
  const ran = { ...SH, switches: 8, state: 'D', cpu: 0, residentKib: 800 };
  expect(compareTasks(GUESTS, [ran, WORKER]).differences).toEqual([]);
  expect(compareTasks(GUESTS, [{ ...ran, ppid: 3 }, WORKER]).differences).toHaveLength(1);
});

test('a task that runs, or is runnable, has moved', () => {
  expect(unmoved(GUESTS, [SH])).toHaveLength(1);
  expect(unmoved(GUESTS, [{ ...SH, isCurrent: true }])).toEqual([]);
  expect(unmoved(GUESTS, [{ ...SH, state: 'R' }])).toEqual([]);
});

test('a lost task and one that cannot be are found; workers go, and later tasks come', () => {
  expect(compareTasks(GUESTS, [WORKER]).differences).toEqual(['the dump lacks PID 20 (sh (odd) name)']);
  expect(compareTasks(GUESTS, [SH])).toMatchObject({
    differences: [],
    notes: ['1 had not run since', 'the worker kworker/0:1-events has gone'],
  });
  expect(compareTasks(GUESTS, [SH, WORKER, { ...SH, pid: 22, comm: 'late' }])).toMatchObject({
    differences: [],
    notes: ['1 had not run since', 'late began later'],
  });
  expect(compareTasks(GUESTS, [SH, WORKER, { ...SH, pid: 7 }]).differences).toHaveLength(1);
});

test('only of a kernel thread may the name be longer', () => {
  const cut = { ...SH, comm: 'fifteen-letters' };
  const guests = [{ ...GUESTS[0]!, comm: 'fifteen-letters-and-more' }];
  expect(compareTasks(guests, [{ ...cut, isKernelThread: true }]).differences).toEqual([]);
  expect(compareTasks(guests, [cut]).differences).toHaveLength(1);
});
