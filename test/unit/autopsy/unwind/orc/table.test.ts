import { describe, expect, test } from 'vitest';
import { orcFormat } from '../../../../../capture/autopsy/unwind/orc/format.ts';
import { lookUp, OrcRules } from '../../../../../capture/autopsy/unwind/orc/table.ts';
import { Words } from '../../../../../capture/autopsy/unwind/words.ts';
import { KernelError } from '../../../../../capture/errors.ts';
import { FUNCTION_BYTES, SP, TEXT, UnwindKernel } from '../../../../support/unwind-kernel.ts';

/** Functions whose rule's offset is their number. */
function kernelOf(functions: number): UnwindKernel {
  const rules = Array.from({ length: functions }, (_, index) => [
    `f${index}`,
    { type: 'call', sp: [SP, index] },
  ]);
  return new UnwindKernel(Object.fromEntries(rules));
}

function search(kernel: UnwindKernel, address: bigint): number | undefined {
  const dead = kernel.dead();
  const words = new Words(dead.memory);
  const table = {
    addresses: dead.symbols.require('__start_orc_unwind_ip'),
    entries: dead.symbols.require('__start_orc_unwind'),
    count: kernel.functions.length,
  };
  return lookUp(words, orcFormat(dead), table, address)?.spOffset;
}

describe('the search in a table', () => {
  test.each([1, 2, 3, 1000, 1023, 1024, 1025])(
    'of %i entries finds each at its first and last byte',
    count => {
      const kernel = kernelOf(count);
      for (const index of new Set([0, 1, Math.floor(count / 2), count - 1].filter(i => i < count))) {
        const start = TEXT + BigInt(index) * FUNCTION_BYTES;
        expect(search(kernel, start)).toBe(index);
        expect(search(kernel, start + FUNCTION_BYTES - 1n)).toBe(index);
      }
    },
  );

  test('finds nothing before the first, and the last behind it', () => {
    const kernel = kernelOf(3);
    expect(search(kernel, TEXT - 1n)).toBeUndefined();
    expect(search(kernel, TEXT + 0x100000n)).toBe(2);
  });

  test('of an empty table finds nothing', () => expect(search(kernelOf(0), TEXT)).toBeUndefined());

  test('fails where a page of the table is missing', () => {
    const kernel = kernelOf(3);
    kernel.memory.remove(kernel.dead().symbols.require('__start_orc_unwind'));
    expect(() => search(kernel, TEXT)).toThrow(KernelError);
  });
});

describe('the rules of a kernel', () => {
  test('are those of vmlinux for its text, and nothing for other addresses', () => {
    const dead = kernelOf(2).dead();
    const rules = new OrcRules(dead, new Words(dead.memory));
    expect(rules.at(TEXT + FUNCTION_BYTES)?.spOffset).toBe(1);
    expect(rules.at(TEXT + 2n * FUNCTION_BYTES)).toBeUndefined();
    expect(rules.at(0n)).toBeUndefined();
  });

  test('of an address that many stacks have are searched once', () => {
    const dead = kernelOf(1000).dead();
    const words = new Words(dead.memory);
    let reads = 0;
    const counted = Object.assign(Object.create(words) as Words, {
      s32: (...args: Parameters<Words['s32']>) => {
        reads++;
        return words.s32(...args);
      },
      view: words.view.bind(words),
    });
    const rules = new OrcRules(dead, counted);
    const address = TEXT + 500n * FUNCTION_BYTES;
    const first = rules.at(address);
    const readsOfOne = reads;
    expect(readsOfOne).toBeGreaterThan(0);
    expect(rules.at(address)).toEqual(first);
    expect(reads).toBe(readsOfOne);
  });

  test('a table with an impossible size is refused', () => {
    const dead = kernelOf(1).dead();
    const odd = (name: string) => {
      const address = dead.symbols.address(name);
      return name === '__stop_orc_unwind_ip' ? address! + 1n : address;
    };
    const damaged = { ...dead, symbols: { ...dead.symbols, address: odd } };
    expect(() => new OrcRules(damaged, new Words(dead.memory))).toThrow(/one has 1.25 entries/);
  });

  test("a module's code has its own table, or none when that cannot be found", () => {
    const kernel = kernelOf(2);
    const dead = kernel.dead();
    const module = { name: 'm', address: 0n, ranges: [{ kind: 'text', start: 0x1000n, sizeBytes: 0x1000 }] };
    kernel.modules.push(module);
    const noMembers = new OrcRules(dead, new Words(dead.memory));
    expect(noMembers.at(0x1000n)).toBeUndefined();

    // The table of vmlinux stands in for that of the module: its last rule is for all that is behind.
    const known: Record<string, bigint> = {
      'module.arch.orc_unwind_ip': dead.symbols.require('__start_orc_unwind_ip'),
      'module.arch.orc_unwind': dead.symbols.require('__start_orc_unwind'),
    };
    const fields = { ...dead.fields, pointer: (_: bigint, path: string) => known[path]!, number: () => 2 };
    const far = { ...module, ranges: [{ kind: 'text', start: TEXT + 0x10000n, sizeBytes: 0x1000 }] };
    const rules = new OrcRules({ ...dead, fields, modules: [far] }, new Words(dead.memory));
    expect(rules.at(TEXT + 0x10000n)?.spOffset).toBe(1);
    expect(rules.at(TEXT + 0x11000n)).toBeUndefined();
  });
});
