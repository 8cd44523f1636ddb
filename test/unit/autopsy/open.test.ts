/** A whole crashed kernel: symbols, types, modules, per-CPU memory; what it costs when a piece is missing or damaged. */
import { describe, expect, test } from 'vitest';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { readKernelParts } from '../../../capture/autopsy/summary/read.ts';
import { readTasks } from '../../../capture/autopsy/tasks/tasks.ts';
import { deadCpus } from '../../../capture/autopsy/unwind/cpus.ts';
import { AutopsyError, Failure } from '../../../capture/errors.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { type CrashedKernel, crashedKernel, MODULE_TEXT } from '../../support/crashed-kernel.ts';
import { IMAGE_PADDR } from '../../support/kernel-builder.ts';
import { Random } from '../../support/random.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const open = (bytes: Uint8Array) => openAutopsy(openVmcore(new MemorySource(bytes)));
const broken = (damage: (kernel: CrashedKernel) => void, without: readonly string[] = []) => {
  const kernel = crashedKernel();
  damage(kernel);
  return open(kernel.build(without));
};

const built = crashedKernel();
const bytes = built.build();

describe('a whole kernel', () => {
  const kernel = open(bytes);
  const { symbols, types, perCpu } = kernel;
  const nameAt = (address: bigint) => symbols.at(address)?.name;

  test('nothing is missing', () => expect(kernel.missing).toEqual([]));

  test('symbols', () => {
    const schedule = symbols.require('schedule');
    expect(symbols.at(schedule + 0x10n)).toMatchObject({
      name: 'schedule',
      offset: 0x10,
      sizeBytes: 0x100,
      type: 'T',
    });
    expect(symbols.isText(schedule)).toBe(true);
    expect(symbols.isText(built.at.init_task!)).toBe(false);
    expect(nameAt(built.at.init_task! + 8n)).toBe('init_task');
    expect(nameAt(0n)).toBeUndefined();
    expect(nameAt(2n ** 64n - 1n)).toBeUndefined();
    expect(symbols.address('nothing')).toBeUndefined();
    expect(() => symbols.require('nothing')).toThrow(expect.objectContaining({ code: 'NO_SYMBOL' }));
  });

  test('symbols of a module: the first of an address, labels left out, up to the next one as the kernel counts', () => {
    expect(symbols.at(MODULE_TEXT + 0x17fn)).toEqual({
      ...{ name: 'zram_read', module: 'zram', type: 't', address: MODULE_TEXT + 0x100n, offset: 0x7f },
      sizeBytes: 0x100,
    });
    expect(symbols.at(MODULE_TEXT + 0x1800n)).toMatchObject({ name: 'zram_devices', type: 'b' });
    expect(symbols.at(MODULE_TEXT + 0x10n)).toBeUndefined();
    expect(symbols.all('schedule').map(({ module }) => module)).toEqual([undefined, 'zram']);
    expect(symbols.address('zram_alias')).toBe(MODULE_TEXT + 0x100n);
    expect(symbols.isText(MODULE_TEXT + 0xfffn)).toBe(true);
    expect(symbols.isText(MODULE_TEXT + 0x1000n)).toBe(false);
  });

  test('modules and their types', () => {
    expect(kernel.modules).toEqual([
      {
        name: 'zram',
        address: built.at['module zram'],
        ranges: [
          { kind: 'text', start: MODULE_TEXT, sizeBytes: 4096 },
          { kind: 'data', start: MODULE_TEXT + 4096n, sizeBytes: 8192 },
        ],
      },
    ]);
    expect(kernel.moduleTypes('zram').field('zram.pages')).toMatchObject({ offsetBytes: 8, sizeBytes: 8 });
    expect(kernel.moduleTypes('zram').offset('rq.idle')).toBe(types.offset('rq.idle'));
    expect(() => kernel.moduleTypes('nothing')).toThrow(expect.objectContaining({ code: 'NO_MODULE' }));
  });

  test('per-CPU variables', () => {
    expect(perCpu.possible).toEqual([0, 1]);
    expect(kernel.fields.pointer(perCpu.address('runqueues', 0), 'rq.curr')).toBe(built.at['task 70']);
    expect(() => perCpu.address('runqueues', 2)).toThrow(expect.objectContaining({ code: 'NO_PER_CPU' }));
  });
});

describe('a piece that is missing costs its part', () => {
  test('kallsyms: what vmcoreinfo exports, and types found by a search', () => {
    const kernel = broken(({ builder }) => builder.memory.page((IMAGE_PADDR + 0x100000) / 4096).fill(0));
    expect(kernel.missing.join()).toMatch(/kallsyms/);
    expect(kernel.symbols.address('_stext')).toBeDefined();
    expect(kernel.symbols.at(kernel.symbols.require('_stext'))).toBeUndefined();
    expect(kernel.modules).toEqual([]);
  });

  test('kallsyms in no key of vmcoreinfo', () => {
    const kernel = broken(() => {}, ['SYMBOL(kallsyms_names)', 'SYMBOL(kallsyms_offsets)']);
    expect(kernel.missing.length).toBeGreaterThan(0);
    expect(kernel.symbols.address('schedule')).toBeUndefined();
  });

  test('BTF: symbols remain', () => {
    const kernel = broken(({ builder }) => builder.memory.page((IMAGE_PADDR + 0x140000) / 4096).fill(0));
    expect(kernel.missing.join()).toMatch(/BTF/);
    expect(kernel.symbols.at(kernel.symbols.require('panic'))!.name).toBe('panic');
    expect(kernel.types.has('task_struct')).toBe(false);
    expect(() => kernel.types.offset('task_struct.comm')).toThrow(
      expect.objectContaining({ code: 'NO_TYPES', message: expect.stringContaining('BTF') }),
    );
    expect(() => readTasks(kernel)).not.toThrow();
  });

  test('the list of modules: the kernel and its tasks remain', () => {
    const kernel = broken(({ at, u64 }) => u64(at.modules!, 0n));
    expect(kernel.missing.join()).toMatch(/module/);
    expect(readTasks(kernel).errors).toEqual([]);
  });

  test('the symbols of a module: an address in it has no name', () => {
    const kernel = broken(({ at, member, u64 }) => u64(member(at['module zram']!, 'module.kallsyms'), 0n));
    expect(kernel.missing).toEqual([]);
    expect(kernel.symbols.at(MODULE_TEXT + 0x100n)).toBeUndefined();
    expect(kernel.missing.join()).toMatch(/symbols of the module zram/);
  });

  test('the variables in kallsyms: what it was built without is the reason, and functions remain', () => {
    const kernel = open(crashedKernel('unknown').build());
    expect(kernel.missing[0]).toMatch(/^kallsyms has the functions alone \(.* without CONFIG_KALLSYMS_ALL\)/);
    expect(kernel.symbols.require('panic')).toBe(open(bytes).symbols.require('panic'));
    const { crash, stacks } = readKernelParts(kernel);
    expect([crash, stacks]).toEqual([{ missing: kernel.missing[0] }, { missing: kernel.missing[0] }]);
  });

  test('the variables in kallsyms: the exported ones and those of each CPU lead to the tasks', () => {
    const crashed = crashedKernel('exported');
    const kernel = open(crashed.build());
    const inSchedule = kernel.symbols.require('schedule') + 0x10n;
    expect(kernel.missing).toEqual([
      expect.stringMatching(/^kallsyms has the functions alone .* that it exports/),
    ]);
    const whole = open(bytes);
    expect(kernel.symbols.require('init_task')).toBe(whole.symbols.require('init_task'));
    expect(kernel.symbols.address('slab_caches')).toBeUndefined();
    // Found by what it leads to, among all words of the data.
    expect(kernel.symbols.require('crash_notes')).toBe(crashed.at.crash_notes);
    expect(deadCpus(kernel).map(({ registers }) => registers?.ip)).toEqual([inSchedule, inSchedule]);
    const { tasks, cpus, errors } = readTasks(kernel);
    expect(errors).toEqual([]);
    expect({ tasks, cpus }).toEqual({ tasks: readTasks(whole).tasks, cpus: readTasks(whole).cpus });
  });

  test('the table of exported symbols, too: the reason is the same', () => {
    const { builder, build } = crashedKernel('exported');
    builder.memory.remove((IMAGE_PADDR + 0x60000) / 4096);
    const kernel = open(build());
    expect(kernel.missing[0]).toMatch(/^kallsyms has the functions alone .* cannot be found/);
    expect(readTasks(kernel).tasks).toEqual([]);
  });

  test('the masks of CPUs: there are none', () => {
    const kernel = broken(({ builder }) => builder.memory.remove((IMAGE_PADDR + 0x180000) / 4096));
    expect(kernel.perCpu.possible).toEqual([]);
    expect(kernel.missing.length).toBeGreaterThan(0);
  });
});

test('a page that is lost, each in turn, is a failure that was foreseen at most', () => {
  const pages = built.builder.memory
    .loads()
    .flatMap(({ paddr, bytes }) =>
      Array.from({ length: bytes.length / 4096 }, (_, i) => Number(paddr) / 4096 + i),
    );
  expect(pages.length).toBeGreaterThan(20);
  for (const pfn of pages) {
    const kernel = crashedKernel();
    kernel.builder.memory.remove(pfn);
    askEverything(kernel.build());
  }
});

test('200 mutants of a seed: all that an autopsy reads, none of it trusted', () => {
  const random = new Random(31);
  const values = [0n, 1n, 2n ** 64n - 1n, 2n ** 63n, MODULE_TEXT];
  const places = Object.values(built.at);
  const { segments } = openVmcore(new MemorySource(bytes));
  for (let mutant = 0; mutant < 200; mutant++) {
    const damaged = Buffer.from(bytes);
    for (let i = random.below(4); i >= 0; i--) {
      const place = random.pick(places) + BigInt(8 * random.below(24));
      const value = random.chance(0.5)
        ? random.pick(values)
        : random.pick(places) + BigInt(random.below(256));
      const offset = segments.fileOffset(built.paddr(place));
      if (offset !== undefined) damaged.writeBigUInt64LE(value, offset);
    }
    askEverything(damaged);
  }
}, 60_000);

function askEverything(dump: Uint8Array): void {
  try {
    const kernel = open(dump);
    const list = readTasks(kernel);
    for (const { address } of list.tasks) kernel.symbols.at(address);
    for (const name of ['schedule', 'zram_read', 'nothing']) kernel.symbols.all(name);
    for (const { name } of kernel.modules) kernel.moduleTypes(name).has('zram.pages');
    for (const address of [MODULE_TEXT + 0x120n, MODULE_TEXT + 0x1800n]) kernel.symbols.at(address);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error instanceof AutopsyError || error.name === 'KernelError').toBe(true);
  }
}
