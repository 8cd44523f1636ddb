/** Which pages a triage dump has, by the example of a small crashed kernel; what damage and missing pieces cost. */
import { describe, expect, test } from 'vitest';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { readTasks } from '../../../capture/autopsy/tasks/tasks.ts';
import { Failure } from '../../../capture/errors.ts';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import { reachablePages } from '../../../capture/filter/reach.ts';
import { rankPages } from '../../../capture/triage/rank.ts';
import { finishTriage, openTriage, selectTriage } from '../../../capture/triage/select.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { type CrashedKernel, crashedKernel, TASKS } from '../../support/crashed-kernel.ts';
import { Random } from '../../support/random.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const PAGES = 0x4000;
const open = (bytes: Uint8Array) => openVmcore(new MemorySource(bytes));
const allPages = () => {
  const bitmap = Bitmap.create(PAGES);
  bitmap.setRange(0, PAGES);
  return bitmap;
};
const select = (
  bytes: Uint8Array,
  mostPages = PAGES,
  isHeld = (pfn: number) => pfn < PAGES,
  onProgress?: () => void,
) => selectTriage(open(bytes), { isHeld, mostPages, onProgress });
const ranked = (bytes: Uint8Array, triage: readonly number[]) =>
  rankPages(open(bytes), { bitmap2: allPages(), mostPages: PAGES }, triage);
const whole = crashedKernel();
const bytes = whole.build();
const pfnOf = (kernel: CrashedKernel, address: bigint) => Math.floor(kernel.paddr(address) / 4096);

describe('of a whole kernel', () => {
  const triage = select(bytes);
  const held = new Set(triage.pfns);

  test('each page once, those of debuggers first', () => {
    expect(held.size).toBe(triage.pfns.length);
    expect(triage.debuggerPages).toBeGreaterThan(10);
    expect(triage.debuggerPages).toBeLessThan(triage.pfns.length);
    expect(triage.parts.reduce((sum, { pages }) => sum + pages, 0)).toBe(triage.pfns.length);
  });

  test('without tables, those of debuggers alone', () => {
    const opened = openTriage(open(bytes), { isHeld: pfn => pfn < PAGES, mostPages: PAGES });
    const { pfns, debuggerPages } = finishTriage(opened, false);
    expect(pfns).toEqual(triage.pfns.slice(0, triage.debuggerPages));
    expect(debuggerPages).toBe(pfns.length);
  });

  test.each(['init_task', 'task 70', 'task 71', 'module zram', 'init_pid_ns', '__per_cpu_offset'])(
    '%s',
    name => {
      expect(triage.pfns.slice(0, triage.debuggerPages)).toContain(pfnOf(whole, whole.at[name]!));
    },
  );

  test('an autopsy of these pages alone finds what one of all memory finds', () => {
    const vmcore = open(bytes);
    const readOnlyHeld = (
      paddr: number,
      into: Uint8Array,
      read: (paddr: number, into: Uint8Array) => number,
    ) => {
      const first = Math.floor(paddr / 4096);
      const last = Math.floor((paddr + into.length - 1) / 4096);
      for (let pfn = first; pfn <= last; pfn++)
        if (!held.has(pfn)) return read(paddr, into.subarray(0, Math.max(0, pfn * 4096 - paddr)));
      return read(paddr, into);
    };
    const kernel = openAutopsy(vmcore, read => (paddr, into) => readOnlyHeld(paddr, into, read));
    const all = openAutopsy(vmcore);
    expect(kernel.missing).toEqual([]);
    expect(readTasks(kernel)).toEqual(readTasks(all));
    expect(readTasks(kernel).tasks).toHaveLength(TASKS.length + 1);
    expect(kernel.modules).toEqual(all.modules);
    expect(kernel.symbols.address('zram_read')).toBe(all.symbols.address('zram_read'));
  });

  test('no more than asked for, and only pages of the dump', () => {
    for (const most of [0, 1, 7, triage.pfns.length])
      expect(select(bytes, most).pfns).toEqual(triage.pfns.slice(0, most));
    const [lost] = triage.pfns;
    expect(select(bytes, PAGES, pfn => pfn !== lost).pfns).not.toContain(lost);
  });
});

describe('without a piece', () => {
  test('no types: no task is found, and a cut dump has the order of the pointers', () => {
    const kernel = crashedKernel();
    const btf = kernel.paddr(openAutopsy(open(bytes)).symbols.require('__start_BTF'));
    kernel.builder.memory.write(btf, Buffer.alloc(64));
    const damaged = kernel.build();
    expect(() => select(damaged)).toThrow(/^Cannot choose the pages for triage: .*expected tasks/);
    expect(ranked(damaged, [])).toEqual(
      reachablePages(open(damaged), { bitmap2: allPages(), mostPages: PAGES }),
    );
  });

  test('a broken list of tasks costs what is behind the break', () => {
    const kernel = crashedKernel();
    kernel.u64(kernel.member(kernel.at['task 2']!, 'task_struct.tasks'), 0xdead_0000_0000_0100n);
    const triage = select(kernel.build());
    expect(triage.pfns).toContain(pfnOf(kernel, kernel.at['task 1']!));
    expect(triage.pfns).toContain(pfnOf(kernel, kernel.at['task 71']!));
  });
});

test('in a dump that is cut these come first, then what the data of the kernel lead to', () => {
  const { pfns } = select(bytes);
  const order = ranked(bytes, pfns);
  expect(order.slice(0, pfns.length)).toEqual(pfns);
  expect(new Set(order).size).toBe(order.length);
  const reach = reachablePages(open(bytes), { bitmap2: allPages(), mostPages: PAGES });
  expect(new Set(order)).toEqual(new Set([...pfns, ...reach]));
});

test('none of them is left out for their number: zero pages, of which a kernel has thousands, take no room', () => {
  const { pfns } = select(bytes);
  expect(rankPages(open(bytes), { bitmap2: allPages(), mostPages: 7 }, pfns)).toEqual(pfns);
});

test('per-CPU variables come before modules: without them crash shows no frame of an NMI', () => {
  const names = select(bytes).parts.map(({ name }) => name);
  expect(names.indexOf('perCpu')).toBeLessThan(names.indexOf('stacks'));
  expect(names.indexOf('perCpu')).toBeLessThan(names.indexOf('modules'));
});

test('of a damaged kernel: an order or a failure of ours, in bounded time', () => {
  const random = new Random(11);
  const { pfns } = select(bytes);
  for (let round = 0; round < 60; round++) {
    const kernel = crashedKernel();
    for (let i = 0; i < 20; i++) {
      const at = random.pick(pfns) * 4096 + 8 * random.below(512);
      kernel.builder.memory.write(at, random.bytes(8));
    }
    try {
      const order = select(kernel.build()).pfns;
      expect(new Set(order).size).toBe(order.length);
      expect(order.every(pfn => pfn < PAGES)).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
    }
  }
});
