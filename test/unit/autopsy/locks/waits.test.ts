import { describe, expect, test } from 'vitest';
import { type MaybeWaiting, readWaits } from '../../../../capture/autopsy/locks/waits.ts';
import { type MemberSpec, SmallKernel } from '../../../support/small-kernel.ts';

const STACK_BYTES = 0x4000n;
const STACK_OFFSET_OF_SP = STACK_BYTES - 0x200n;
/** Where in the live part of a stack the waiter is. */
const WAITER_AT = 0x80n;

const COMMON = {
  'task_struct.thread.sp': [0, 8],
  'mutex.owner.counter': [0, 8],
  'mutex_waiter.list': [0, 16],
  'mutex_waiter.task': [16, 8],
  'rw_semaphore.count.counter': [0, 8],
  'rw_semaphore.owner.counter': [8, 8],
  'rwsem_waiter.list': [0, 16],
  'rwsem_waiter.task': [16, 8],
  'rwsem_waiter.type': [24, 4],
  'semaphore_waiter.list': [0, 16],
  'semaphore_waiter.task': [16, 8],
} as const;
/** Locks with the head of a list; since Linux v7.1, with a pointer to the first waiter. */
const HEADED = {
  'mutex.wait_list': [16, 16],
  'rw_semaphore.wait_list': [24, 16],
  'semaphore.wait_list': [8, 16],
} as const;
const HEADLESS = {
  'mutex.first_waiter': [16, 8],
  'rw_semaphore.first_waiter': [24, 8],
  'semaphore.first_waiter': [8, 8],
} as const;
const ENUMS = { rwsem_waiter_type: { RWSEM_WAITING_FOR_WRITE: 0, RWSEM_WAITING_FOR_READ: 1 } };

const FUNCTIONS = {
  mutex: ['__mutex_lock.constprop.0', 0x700000n],
  rwsem: ['rwsem_down_read_slowpath', 0x710000n],
  semaphore: ['__down', 0x720000n],
  io_schedule: ['io_schedule', 0x730000n],
} as const;
const LOCK_STRUCTS = { mutex: 'mutex', rwsem: 'rw_semaphore', semaphore: 'semaphore' } as const;
type Kind = keyof typeof LOCK_STRUCTS;

const MUTEX = 0x500000n;
const OTHER_MUTEX = 0x500100n;
const RWSEM = 0x500200n;
const MUTEX_WAITERS = 1n;

interface TestTask extends MaybeWaiting {
  readonly pid: number;
}

class Machine {
  readonly kernel: SmallKernel;
  readonly tasks: TestTask[] = [];
  readonly #isHeaded: boolean;

  constructor(members: Readonly<Record<string, MemberSpec>> = HEADED, enums = ENUMS) {
    this.#isHeaded = 'mutex.wait_list' in members;
    this.kernel = new SmallKernel({ members: { ...COMMON, ...members }, enums });
    for (const [name, address] of Object.values(FUNCTIONS)) this.kernel.function(name, address);
    for (const lock of [MUTEX, OTHER_MUTEX, RWSEM]) this.#write(lock, ...new Array<bigint>(8).fill(0n));
  }

  /** A task that sleeps in a function, with its stack. */
  task(pid: number, sleepsIn: keyof typeof FUNCTIONS, state = 'UN'): TestTask {
    const stack = 0x1000000n + BigInt(pid) * 0x10000n;
    const task = { pid, address: 0x900000n + BigInt(pid) * 0x1000n, stack, state, isCurrent: false };
    const sp = stack + STACK_OFFSET_OF_SP;
    this.kernel.set(task.address, 'task_struct.thread.sp', sp);
    for (let at = sp; at < stack + STACK_BYTES; at += 8n) this.#write(at, 0n);
    this.#write(sp + 8n, FUNCTIONS[sleepsIn][1] + 0x20n, task.address);
    this.tasks.push(task);
    return task;
  }

  waiterOf({ stack }: TestTask): bigint {
    return stack + STACK_OFFSET_OF_SP + WAITER_AT;
  }

  /** Puts the waiters of tasks on the list of a lock. */
  wait(kind: Kind, lock: bigint, tasks: readonly TestTask[], wants = 0): void {
    const struct = LOCK_STRUCTS[kind];
    const waiters = tasks.map(task => this.waiterOf(task));
    for (const [i, waiter] of waiters.entries()) {
      this.#write(waiter + 16n, tasks[i]!.address, BigInt(wants));
      // The function that waits keeps the lock's address.
      this.#write(waiter + 0x60n, lock);
    }
    const [first = 0n, ...others] = waiters;
    const path = this.#isHeaded ? `${struct}.wait_list` : `${struct}.first_waiter`;
    const at = lock + BigInt(ALL[path]![0]);
    if (this.#isHeaded) this.kernel.list(at, `${kind}_waiter.list`, waiters);
    else {
      this.#write(at, first);
      this.kernel.list(first, `${kind}_waiter.list`, others);
    }
  }

  own(mutex: bigint, task: TestTask): void {
    this.#write(mutex, task.address | MUTEX_WAITERS);
  }

  waits() {
    return readWaits(this.kernel.open(), this.tasks);
  }

  #write(address: bigint, ...words: readonly bigint[]): void {
    for (const [i, word] of words.entries()) this.kernel.number(address + BigInt(8 * i), 8, word);
  }
}

const ALL: Readonly<Record<string, MemberSpec>> = { ...HEADED, ...HEADLESS };

describe.each([
  ['with a list in the lock', HEADED],
  ['with a pointer to the first waiter, from Linux v7.1', HEADLESS],
])('%s', (_, members) => {
  test('two tasks wait for a mutex of a third', () => {
    const machine = new Machine(members);
    const [a, b, owner] = [
      machine.task(1, 'mutex'),
      machine.task(2, 'mutex'),
      machine.task(3, 'io_schedule'),
    ];
    machine.wait('mutex', MUTEX, [a!, b!]);
    machine.own(MUTEX, owner!);
    const holder = { by: 'task', task: owner!.address };
    expect(machine.waits()).toEqual({
      found: {
        waiting: [
          { task: a, wait: { kind: 'mutex', lock: MUTEX }, holder },
          { task: b, wait: { kind: 'mutex', lock: MUTEX }, holder },
          { task: owner },
        ],
        circles: [],
      },
      problems: [],
    });
  });

  test('a reader and a writer of a rwsem', () => {
    const machine = new Machine(members);
    const [reader, writer] = [machine.task(1, 'rwsem'), machine.task(2, 'io_schedule')];
    machine.wait('rwsem', RWSEM, [reader!], 1);
    machine.kernel.set(RWSEM, 'rw_semaphore.count.counter', 0x3);
    machine.kernel.set(RWSEM, 'rw_semaphore.owner.counter', writer!.address);
    expect(machine.waits().found.waiting[0]).toEqual({
      task: reader,
      wait: { kind: 'rwsem', lock: RWSEM, wants: 'read' },
      holder: { by: 'task', task: writer!.address },
    });
  });

  test('a semaphore has no owner', () => {
    const machine = new Machine(members);
    const task = machine.task(1, 'semaphore');
    machine.wait('semaphore', RWSEM, [task]);
    expect(machine.waits().found.waiting).toEqual([
      { task, wait: { kind: 'semaphore', lock: RWSEM }, holder: { by: 'unknown' } },
    ]);
  });
});

describe('holders of a rwsem', () => {
  const LAST = 0xabc000n;
  test.each([
    ['a writer', 0x3n, LAST, { by: 'task', task: LAST }],
    ['a writer that has not signed yet', 0x3n, 0n, { by: 'unknown' }],
    ['three readers', 0x302n, LAST | 1n, { by: 'readers', count: 3, last: LAST }],
    ['a reader of which nothing is known', 0x102n, 1n, { by: 'readers', count: 1 }],
    ['readers that were turned away', (1n << 63n) | 0x102n, 1n, { by: 'readers', count: 1 }],
    ['nobody', 0x2n, LAST | 1n, { by: 'nobody' }],
  ])('%s', (_, count, owner, holder) => {
    const machine = new Machine();
    machine.wait('rwsem', RWSEM, [machine.task(1, 'rwsem')]);
    machine.kernel.set(RWSEM, 'rw_semaphore.count.counter', count);
    machine.kernel.set(RWSEM, 'rw_semaphore.owner.counter', owner);
    expect(machine.waits().found.waiting[0]!.holder).toEqual(holder);
  });

  test('more readers than there can be tasks are no readers', () => {
    const machine = new Machine();
    machine.wait('rwsem', RWSEM, [machine.task(1, 'rwsem')]);
    machine.kernel.set(RWSEM, 'rw_semaphore.count.counter', 1n << 50n);
    const { found, problems } = machine.waits();
    expect(found.waiting[0]).not.toHaveProperty('holder');
    expect(problems.join()).toContain('readers');
  });
});

test('a mutex that is handed over has no owner', () => {
  const machine = new Machine();
  machine.wait('mutex', MUTEX, [machine.task(1, 'mutex')]);
  expect(machine.waits().found.waiting[0]!.holder).toEqual({ by: 'nobody' });
});

describe('circles', () => {
  function deadlock(): { machine: Machine; first: TestTask; second: TestTask } {
    const machine = new Machine();
    const [first, second] = [machine.task(1, 'mutex'), machine.task(2, 'mutex')];
    machine.own(MUTEX, first!);
    machine.own(OTHER_MUTEX, second!);
    machine.wait('mutex', OTHER_MUTEX, [first!]);
    return { machine, first: first!, second: second! };
  }

  test('two tasks that wait for each other are one, and others behind them are in none', () => {
    const { machine, first, second } = deadlock();
    const third = machine.task(3, 'mutex');
    machine.tasks.unshift(machine.tasks.pop()!);
    machine.wait('mutex', MUTEX, [second, third]);
    expect(machine.waits().found.circles).toEqual([[first, second]]);
  });

  test('a task that waits for itself', () => {
    const machine = new Machine();
    const task = machine.task(1, 'mutex');
    machine.own(MUTEX, task);
    machine.wait('mutex', MUTEX, [task]);
    expect(machine.waits().found.circles).toEqual([[task]]);
  });

  test('a chain is none', () => {
    const { machine } = deadlock();
    expect(machine.waits().found.circles).toEqual([]);
  });
});

describe('what the kernel has recorded', () => {
  const BLOCKER = { ...HEADLESS, 'task_struct.blocker': [8, 8] } as const;

  test.each([
    [0n, { kind: 'mutex' }],
    [1n, { kind: 'semaphore' }],
    [2n, { kind: 'rwsem', wants: 'read' }],
    [3n, { kind: 'rwsem', wants: 'write' }],
  ])('a blocker of type %i', (type, wait) => {
    const machine = new Machine(BLOCKER);
    const task = machine.task(1, 'io_schedule');
    machine.kernel.set(task.address, 'task_struct.blocker', RWSEM | type);
    expect(machine.waits().found.waiting[0]!.wait).toEqual({ ...wait, lock: RWSEM });
  });

  test.each([
    [0n, undefined],
    [-1n, undefined],
    [MUTEX, { kind: 'mutex', lock: MUTEX }],
  ])('blocked_on %i', (value, wait) => {
    const machine = new Machine({ ...HEADLESS, 'task_struct.blocked_on': [8, 8] });
    machine.kernel.typeNames.set('task_struct.blocked_on', 'struct mutex *');
    const task = machine.task(1, 'io_schedule');
    machine.kernel.set(task.address, 'task_struct.blocked_on', value);
    expect(machine.waits().found.waiting[0]!.wait).toEqual(wait);
  });

  test('blocked_on is a waiter with CONFIG_DEBUG_MUTEXES, and no lock', () => {
    const machine = new Machine({ ...HEADED, 'task_struct.blocked_on': [8, 8] });
    machine.kernel.typeNames.set('task_struct.blocked_on', 'struct mutex_waiter *');
    const task = machine.task(1, 'io_schedule');
    machine.kernel.set(task.address, 'task_struct.blocked_on', MUTEX);
    expect(machine.waits().found.waiting).toEqual([{ task }]);
  });
});

describe('what memory does not show', () => {
  function waiting(): { machine: Machine; task: TestTask } {
    const machine = new Machine();
    const task = machine.task(1, 'mutex');
    machine.wait('mutex', MUTEX, [task]);
    return { machine, task };
  }

  test.each<[string, (machine: Machine, task: TestTask) => void]>([
    [
      'a waiter that is no longer on the list',
      (m, t) => m.kernel.number(m.waiterOf(t), 8, 0xdead000000000100n),
    ],
    ['a list whose links disagree', (m, t) => m.kernel.number(m.waiterOf(t) + 8n, 8, RWSEM)],
    [
      'a stack pointer outside of the stack',
      (m, t) => m.kernel.set(t.address, 'task_struct.thread.sp', MUTEX),
    ],
    ['a stack that the dump lacks', (m, t) => m.kernel.losePage(m.waiterOf(t))],
    ['a task_struct that the dump lacks', (m, t) => m.kernel.losePage(t.address)],
    ['a kernel without the types of waiters', m => m.kernel.loseMember('mutex_waiter.task')],
    ['a kernel without the list of waiters', m => m.kernel.loseMember('mutex_waiter.list')],
    ['a kernel with another kind of stack pointer', m => m.kernel.loseMember('task_struct.thread.sp')],
  ])('%s', (_, damage) => {
    const { machine, task } = waiting();
    damage(machine, task);
    expect(machine.waits().found.waiting).toEqual([{ task }]);
  });

  test.each(['mutex_waiter.task', 'mutex_waiter.list', 'task_struct.thread.sp'])(
    'without %s it says so, once',
    member => {
      const { machine } = waiting();
      machine.task(2, 'mutex');
      machine.kernel.loseMember(member);
      expect(machine.waits().problems).toEqual([expect.stringContaining(member)]);
    },
  );

  test('a lock that the dump lacks', () => {
    const { machine, task } = waiting();
    machine.kernel.loseMember('mutex.owner.counter');
    const { found, problems } = machine.waits();
    expect(found.waiting).toEqual([{ task, wait: { kind: 'mutex', lock: MUTEX } }]);
    expect(problems).toHaveLength(1);
  });

  test('a task sleeps in another function, and has the rest of a waiter on its stack', () => {
    const machine = new Machine();
    const task = machine.task(1, 'io_schedule');
    machine.wait('mutex', MUTEX, [task]);
    expect(machine.waits().found.waiting).toEqual([{ task }]);
  });

  test('tasks that ran, or sleep as they should, wait for no lock', () => {
    const machine = new Machine();
    machine.task(1, 'io_schedule', 'IN');
    machine.task(2, 'mutex', 'RU');
    machine.tasks.push({ ...machine.task(3, 'mutex'), isCurrent: true });
    machine.tasks.splice(2, 1);
    expect(machine.waits().found.waiting).toEqual([]);
  });

  test('a task that a signal may wake waits for a lock too', () => {
    const machine = new Machine();
    const task = machine.task(1, 'mutex', 'IN');
    machine.wait('mutex', MUTEX, [task]);
    expect(machine.waits().found.waiting).toHaveLength(1);
  });

  test('many tasks behind one lock: its list is walked once', () => {
    const machine = new Machine();
    const tasks = Array.from({ length: 300 }, (_, i) => machine.task(i + 1, 'mutex'));
    machine.wait('mutex', MUTEX, tasks);
    expect(machine.waits().found.waiting.every(({ wait }) => wait?.lock === MUTEX)).toBe(true);
    expect(machine.kernel.reads).toBeLessThan(20 * tasks.length);
  });
});
