/**
 * Tasks, symbols and types that an autopsy finds without debug symbols, against drgn with them (DWARF), on real vmcores and
 * on our dumps of them.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { DeadKernel } from '../../capture/autopsy/kernel.ts';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import { readTasks, type TaskList } from '../../capture/autopsy/tasks/tasks.ts';
import { type KernelFacts, kernelFacts } from '../../qemu/judges/kernel-facts.ts';
import type { PreparedVmcore } from '../../qemu/vmcores/vmcores.ts';
import { openDumpFile } from '../../scripts/lib/dumps/open-vmcore.ts';
import {
  type Bench,
  OURS,
  openBench,
  vmcoreOf,
  wantedForeignKernels,
  wantedKernels,
  withDump,
} from './vmcores.ts';

const TIMEOUT_MS = 600_000;
const PAGE_BYTES = 4096;
/** Names that scripts/kallsyms.c and scripts/mksysmap leave out. */
const NOT_IN_KALLSYMS =
  /^(__ksymtab|__kstrtab|__kcrctab|__crc_|__mod_|__export_symbol_|__efistub_|\.L|__pi_\.L)/;

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});

const hex = (address: bigint) => address.toString(16);

describe.each([...wantedKernels(), ...wantedForeignKernels()])('%s', kernel => {
  let vmcore: PreparedVmcore;
  let facts: KernelFacts;
  let dead: DeadKernel;
  let list: TaskList;

  beforeAll(async () => {
    vmcore = vmcoreOf(kernel);
    facts = await kernelFacts(bench.drgn, vmcore.vmcore, vmcore.vmlinux);
    dead = openAutopsy(openDumpFile(vmcore.vmcore, 'judge it').vmcore);
    list = readTasks(dead);
  }, TIMEOUT_MS);

  test('nothing is missing', () => {
    expect(dead.missing).toEqual([]);
    expect(list.errors).toEqual([]);
  });

  test('tasks', () => {
    const ours = list.tasks.map(({ address, stack, memory, state, isCurrent, ...task }) => ({
      ...task,
      address: hex(address),
      stack: hex(stack),
      ...(memory && {
        residentPages: memory.residentBytes / PAGE_BYTES,
        virtualBytes: memory.virtualBytes,
      }),
    }));
    const byAddress = (a: { address: string }, b: { address: string }) => (a.address < b.address ? -1 : 1);
    expect(ours.length).toBeGreaterThan(40);
    expect(ours.sort(byAddress)).toEqual([...facts.tasks].sort(byAddress));
    expect(list.panicTask?.pid).toBe(facts.crashedPid);
    console.log(`${kernel}: ${ours.length} tasks, ${Object.keys(facts.tasks[0]!).length} fields each`);
  });

  test('runqueues', () => {
    const ours = list.cpus.map(({ runqueue, current, idle, ...cpu }) => ({
      ...cpu,
      runqueue: hex(runqueue),
      current: hex(current),
      idle: hex(idle),
    }));
    expect(ours).toEqual(facts.cpus);
  });

  test('symbols of the kernel', () => {
    const known = facts.symbols.filter(([name]) => !NOT_IN_KALLSYMS.test(name));
    expect(known.length).toBeGreaterThan(1500);
    const lost = known.filter(
      ([name, address]) => !dead.symbols.all(name).some(symbol => hex(symbol.address) === address),
    );
    expect(lost).toEqual([]);
    // Absolute per-CPU addresses are in no image, and some scratch memory of the boot is after its end.
    const end = dead.symbols.require('_end');
    const placed = known.map(([name, address, bytes]) => ({ name, start: BigInt(`0x${address}`), bytes }));
    const wrong = placed
      .filter(({ start }) => start >= 2n ** 63n && start < end)
      .filter(({ start, bytes }) => {
        const atStart = dead.symbols.at(start);
        const within = start + BigInt(bytes >> 1);
        const inside = dead.symbols.at(within);
        const isInside =
          inside && inside.address >= start && inside.address + BigInt(inside.offset) === within;
        return atStart?.address !== start || atStart.offset !== 0 || !isInside;
      });
    expect(wrong).toEqual([]);
  });

  test('symbols of modules', () => {
    expect(facts.moduleSymbols.length).toBeGreaterThan(100);
    const named = facts.moduleSymbols.filter(
      ([name, address, , module]) =>
        !dead.symbols.all(name).some(one => one.module === module && hex(one.address) === address),
    );
    expect(named).toEqual([]);
    // Per-CPU variables are in no module's memory. A function in assembly may have labels that are symbols too.
    const placed = facts.moduleSymbols
      .map(([name, address, bytes, module]) => ({ name, start: BigInt(`0x${address}`), bytes, module }))
      .filter(({ start, module }) =>
        dead.modules
          .find(({ name }) => name === module)!
          .ranges.some(range => start >= range.start && start < range.start + BigInt(range.sizeBytes)),
      );
    expect(placed.length).toBeGreaterThan(100);
    const wrong = placed.filter(({ start, bytes, module }) => {
      const atStart = dead.symbols.at(start);
      const last = dead.symbols.at(start + BigInt(bytes) - 1n);
      return atStart?.module !== module || atStart.address !== start || !last || last.address < start;
    });
    expect(wrong).toEqual([]);
  });

  test('layouts of types', () => {
    expect(Object.keys(facts.layouts).length).toBeGreaterThan(50);
    const ours = Object.fromEntries(
      Object.entries(facts.layouts).map(([name, { members }]) => [
        name,
        {
          bytes: dead.types.size(`struct ${name}`),
          members: Object.fromEntries(
            Object.keys(members).map(member => {
              const { offsetBytes, bitOffset = 0, bits } = dead.types.field(`struct ${name}.${member}`);
              return [member, [8 * offsetBytes + bitOffset, bits ?? null]];
            }),
          ),
        },
      ]),
    );
    expect(ours).toEqual(facts.layouts);
  });

  test('a dump of ours, filtered and compressed, has the same', { timeout: TIMEOUT_MS }, async () => {
    await withDump(OURS, ['-d', '31'], vmcore.vmcore, async dump => {
      const file = openDumpFile(dump, 'judge it');
      const ours = openAutopsy(file.vmcore);
      expect(ours.missing).toEqual([]);
      expect(readTasks(ours)).toEqual(list);
      expect(ours.modules).toEqual(dead.modules);
      file.close();
    });
  });
});
