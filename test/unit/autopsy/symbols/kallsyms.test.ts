/** Kallsyms in each way that kernels from 5.10 to 7.x have it, whole and damaged. */
import { describe, expect, test } from 'vitest';
import { Kallsyms } from '../../../../capture/autopsy/symbols/kallsyms.ts';
import { scanForTables } from '../../../../capture/autopsy/symbols/kallsyms-scan.ts';
import { exportedTables, type KallsymsTables } from '../../../../capture/autopsy/symbols/kallsyms-tables.ts';
import { wholeTable, wholeTables } from '../../../../capture/autopsy/table.ts';
import { AutopsyError, Failure } from '../../../../capture/errors.ts';
import { KernelMemory } from '../../../../capture/kernel/memory.ts';
import { openVmcore } from '../../../../capture/vmcore/open.ts';
import { Vmcoreinfo } from '../../../../capture/vmcore/vmcoreinfo.ts';
import { buildKallsyms, type OffsetMode, type SymbolSpec } from '../../../support/kallsyms-builder.ts';
import { IMAGE_PADDR, IMAGE_VADDR, KernelBuilder } from '../../../support/kernel-builder.ts';
import { Random } from '../../../support/random.ts';
import { MemorySource } from '../../../support/vmcore-builder.ts';

const TABLES_AT = 0x100000;
const LONG = `a_${'long_'.repeat(60)}name`;
const text = (offset: number) => IMAGE_VADDR + BigInt(offset);

const OWN: readonly SymbolSpec[] = [
  { name: '_stext', type: 'T', address: text(0x10000) },
  // Aliases: the kernel prints the first.
  { name: 'schedule', type: 'T', address: text(0x10100) },
  { name: '__schedule_alias', type: 't', address: text(0x10100) },
  { name: LONG, type: 't', address: text(0x10200) },
  { name: 'same', type: 't', address: text(0x10300) },
  { name: 'same', type: 't', address: text(0x10340) },
  ...Array.from({ length: 600 }, (_, i) => ({
    name: `filler_${i}`,
    type: 't',
    address: text(0x11000 + 16 * i),
  })),
  { name: '_etext', type: 'T', address: text(0x18000) },
  { name: 'init_uts_ns', type: 'D', address: text(0x2000) + 0x20000n },
  { name: '_end', type: 'B', address: text(0x30000) },
];
const PER_CPU: readonly SymbolSpec[] = [
  { name: '__per_cpu_start', type: 'A', address: 0n },
  { name: 'runqueues', type: 'A', address: 0x33440n },
];

interface Built {
  readonly memory: KernelMemory;
  readonly vmcoreinfo: Vmcoreinfo;
  readonly tables: KallsymsTables;
  /** Without the markers after them. */
  readonly namesBytes: number;
}

/** @param isExported whether vmcoreinfo has the addresses of the tables. */
function build(mode: OffsetMode, isExported = true): Built {
  const symbols = mode === 'absolute-percpu' ? [...PER_CPU, ...OWN] : OWN;
  const address = text(TABLES_AT);
  const { bytes, at } = buildKallsyms(symbols, address, mode, isExported ? 'offsets last' : 'offsets first');
  const key = (name: keyof typeof at) => (address + BigInt(at[name])).toString(16);
  const kernel = new KernelBuilder({
    vmcoreinfo: {
      'SYMBOL(_stext)': OWN[0]!.address.toString(16),
      'SYMBOL(init_uts_ns)': OWN.find(({ name }) => name === 'init_uts_ns')!.address.toString(16),
      ...(isExported && {
        'SYMBOL(kallsyms_names)': key('names'),
        'SYMBOL(kallsyms_num_syms)': key('count'),
        'SYMBOL(kallsyms_token_table)': key('tokens'),
        'SYMBOL(kallsyms_token_index)': key('tokenIndex'),
        'SYMBOL(kallsyms_offsets)': key('offsets'),
        ...(mode !== 'slot-relative' && { 'SYMBOL(kallsyms_relative_base)': key('relativeBase') }),
      }),
    },
  });
  kernel.memory.write(IMAGE_PADDR + TABLES_AT, bytes);
  for (let at = 0; at < TABLES_AT; at += 4096) kernel.memory.page((IMAGE_PADDR + at) / 4096);
  const vmcore = openVmcore(new MemorySource(kernel.build()));
  const memory = KernelMemory.of(vmcore);
  const { vmcoreinfo } = vmcore;
  // They are padded to 8 bytes.
  const namesBytes = at.markers - at.names - 7;
  return {
    memory,
    vmcoreinfo,
    namesBytes,
    tables: (isExported ? exportedTables : scanForTables)(memory, vmcoreinfo, wholeTables(memory)),
  };
}

const WAYS: readonly (readonly [mode: OffsetMode, isExported: boolean])[] = [
  ['absolute-percpu', true],
  ['relative', true],
  ['slot-relative', true],
  ['absolute-percpu', false],
  ['relative', false],
];

describe.each(WAYS)('%s, exported: %s', (mode, isExported) => {
  const { tables, vmcoreinfo } = build(mode, isExported);
  const kallsyms = new Kallsyms(tables, vmcoreinfo);
  const addressOf = (name: string) => [...kallsyms.numbers(name)].map(number => kallsyms.address(number));
  const nameAt = (address: bigint) => {
    const found = kallsyms.at(address);
    return found && kallsyms.name(found.number);
  };

  test('every symbol by its name, and its type', () => {
    expect(kallsyms.mode.name).toBe(mode);
    expect(kallsyms.warnings).toEqual([]);
    for (const { name, type, address } of OWN) {
      expect(addressOf(name)).toContain(address);
      expect([...kallsyms.numbers(name)].map(number => kallsyms.type(number))).toContain(type);
    }
    expect(addressOf('same')).toEqual([text(0x10300), text(0x10340)]);
    expect(addressOf('runqueues')).toEqual(mode === 'absolute-percpu' ? [0x33440n] : []);
    expect(addressOf('nothing')).toEqual([]);
  });

  test('by an address, its first name', () => {
    expect(nameAt(text(0x10100))).toBe('schedule');
    expect(nameAt(text(0x101ff))).toBe('schedule');
    expect(nameAt(text(0x10200))).toBe(LONG);
    expect(nameAt(text(0x1033f))).toBe('same');
    expect(kallsyms.at(text(0x10100))!.next).toBe(text(0x10200));
    expect(nameAt(text(0x30001))).toBe('_end');
    expect(kallsyms.at(text(0x30001))!.next).toBeUndefined();
  });
});

describe('damage', () => {
  const { tables, vmcoreinfo, namesBytes } = build('absolute-percpu');

  test('without the addresses, and with nothing to find', () => {
    const { memory } = build('relative');
    expect(() =>
      exportedTables(memory, Vmcoreinfo.decode(Buffer.from('OSRELEASE=5.10\n')), wholeTables(memory)),
    ).toThrow(expect.objectContaining({ code: 'NO_KALLSYMS' }));
    const elsewhere = Vmcoreinfo.decode(Buffer.from(`SYMBOL(_stext)=${text(0x1f0000).toString(16)}\n`));
    expect(() => scanForTables(memory, elsewhere, wholeTables(memory))).toThrow(
      expect.objectContaining({ code: 'NO_KALLSYMS' }),
    );
  });

  test('of addresses that vmcoreinfo contradicts none is given', () => {
    const other = Vmcoreinfo.decode(Buffer.from('SYMBOL(_stext)=ffffffff90000000\n'));
    expect(() => new Kallsyms(tables, other)).toThrow(expect.objectContaining({ code: 'KALLSYMS_MODE' }));
  });

  test('names or offsets that are cut at any byte leave the symbols before', () => {
    for (let length = 0; length < namesBytes; length += 7) {
      const cut = { ...tables, names: wholeTable(tables.names.whole().subarray(0, length)) };
      expectPart(cut);
    }
    for (let length = 0; length < tables.offsets.length; length += 7)
      expectPart({ ...tables, offsets: wholeTable(tables.offsets.whole().subarray(0, length)) });
  });

  test('without the kernel’s own index of names, or with a damaged one, each name is found all the same', () => {
    const { byName, ...rest } = tables;
    const index = byName!.whole();
    const damaged = [index.subarray(0, 300), new Uint8Array(index.length), Uint8Array.from(index).reverse()];
    for (const one of [undefined, ...damaged.map(wholeTable)]) {
      const kallsyms = new Kallsyms({ ...rest, byName: one }, vmcoreinfo);
      expect(kallsyms.warnings).toEqual([]);
      for (const { name, address } of OWN) {
        const numbers = [...kallsyms.numbers(name)];
        expect(numbers.map(number => kallsyms.address(number))).toContain(address);
        expect(numbers).toEqual([...new Kallsyms(tables, vmcoreinfo).numbers(name)]);
      }
      expect([...kallsyms.numbers('nothing')]).toEqual([]);
    }
  });

  test('with the kernel’s own index the names are gone through once', () => {
    let passes = 0;
    const names = { ...tables.names, whole: () => [tables.names.whole(), passes++][0] as Uint8Array };
    const kallsyms = new Kallsyms({ ...tables, names }, vmcoreinfo);
    for (const { name } of OWN) expect([...kallsyms.numbers(name)].length).toBeGreaterThan(0);
    expect(passes).toBe(1);
  });

  test('unsorted addresses are found all the same', () => {
    const offsets = Uint8Array.from(tables.offsets.whole());
    const words = new Int32Array(offsets.buffer);
    const number = 5;
    [words[number], words[number + 300]] = [words[number + 300]!, words[number]!];
    const kallsyms = new Kallsyms({ ...tables, offsets: wholeTable(offsets) }, vmcoreinfo);
    for (const one of [number, number + 300])
      expect(kallsyms.at(kallsyms.address(one) + 1n)!.number).toBe(one);
  });

  test('300 mutants of a seed', () => {
    const random = new Random(23);
    for (let mutant = 0; mutant < 300; mutant++) {
      const change = (bytes: Uint8Array): Uint8Array => {
        const changed = Uint8Array.from(bytes);
        for (let i = random.below(4); i > 0; i--) changed[random.below(changed.length)] = random.below(256);
        return changed;
      };
      const tokens = [...tables.tokens];
      tokens[random.below(256)] = random.bytes(random.below(600));
      expectPart(
        {
          ...tables,
          names: wholeTable(change(tables.names.whole())),
          offsets: wholeTable(change(tables.offsets.whole())),
          byName: wholeTable(change(tables.byName!.whole())),
          tokens,
        },
        'any',
      );
    }
  });

  function expectPart(damaged: KallsymsTables, which: 'first' | 'any' = 'first'): void {
    let kallsyms: Kallsyms;
    try {
      kallsyms = new Kallsyms(damaged, vmcoreinfo);
    } catch (error) {
      expect(error).toBeInstanceOf(AutopsyError);
      return;
    }
    if (which === 'first' && kallsyms.count > 3) {
      expect(kallsyms.warnings).toHaveLength(1);
      expect(kallsyms.name(2)).toBe('_stext');
    }
    for (const name of ['schedule', LONG, 'nothing', ''])
      for (const number of kallsyms.numbers(name)) kallsyms.address(number);
    for (const address of [0n, text(0x10100), 2n ** 64n - 1n]) {
      const found = kallsyms.at(address);
      if (found) expect(kallsyms.name(found.number).length).toBeLessThan(600);
    }
  }
});

test('a table that is not held costs the symbols, with a foreseen error', () => {
  const { memory, vmcoreinfo } = build('relative');
  const lost = new KernelMemory(memory.arch, (paddr, into) =>
    paddr >= IMAGE_PADDR + TABLES_AT ? 0 : memory.readPhysical(paddr, into),
  );
  expect(() => exportedTables(lost, vmcoreinfo, wholeTables(lost))).toThrow(Failure);
});
