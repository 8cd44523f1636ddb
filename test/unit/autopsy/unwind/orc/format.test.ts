import { describe, expect, test } from 'vitest';
import type { DeadKernel } from '../../../../../capture/autopsy/kernel.ts';
import { orcFormat } from '../../../../../capture/autopsy/unwind/orc/format.ts';
import { ORC_IDS } from '../../../../support/unwind-kernel.ts';

/** @param id undefined for a kernel without `orc_header`. */
function kernelWith(id: string | undefined, hasSignal = false): DeadKernel {
  return {
    symbols: { address: () => (id === undefined ? undefined : 0xffffffff82000000n) },
    memory: { readVirtual: () => Buffer.from(id!, 'hex') },
    types: { has: () => hasSignal },
  } as unknown as DeadKernel;
}

/** @param bits of sp_reg, bp_reg, type and what follows. */
function entry(bits: number, spOffset = 16, bpOffset = -16): DataView {
  const view = new DataView(new ArrayBuffer(6));
  view.setInt16(0, spOffset, true);
  view.setInt16(2, bpOffset, true);
  view.setUint16(4, bits, true);
  return view;
}

const v6_4 = orcFormat(kernelWith(ORC_IDS.v6_4));
const v7_2 = orcFormat(kernelWith(ORC_IDS.v7_2));
const v5_10 = orcFormat(kernelWith(undefined));
const v6_3 = orcFormat(kernelWith(undefined, true));

describe('formats with an id', () => {
  test('an entry of v6.4: registers, offsets, type, signal', () => {
    expect(v6_4.decode(entry(5 | (1 << 4) | (2 << 8)))).toEqual({
      type: 'call',
      spRegister: 'sp',
      spOffset: 16,
      bpRegister: 'previous-sp',
      bpOffset: -16,
      isSignal: false,
    });
    expect(v6_4.decode(entry(5 | (3 << 8) | (1 << 11)))).toMatchObject({ type: 'regs', isSignal: true });
  });

  test.each([
    [0, 'undefined', 'undefined'],
    [1, 'previous-sp', 'ax'],
    [3, 'di', 'sp'],
    [4, 'bp', 'bp'],
    [5, 'sp', 'di'],
    [8, 'bp-indirect', 'previous-sp'],
    [9, 'sp-indirect', 'sp-indirect'],
    [10, 'unknown', 'bp-indirect'],
    [15, 'unknown', 'unknown'],
  ])('register %i is %s in v6.4 and %s in v7.2', (number, before, after) => {
    expect(v6_4.decode(entry(number | (2 << 8))).spRegister).toBe(before);
    expect(v7_2.decode(entry(number | (2 << 8))).spRegister).toBe(after);
    expect(v7_2.decode(entry((number << 4) | (2 << 8))).bpRegister).toBe(after);
  });

  test.each(['undefined', 'end', 'call', 'regs', 'partial', 'unknown', 'unknown', 'unknown'])(
    'type %s',
    type => {
      const number = ['undefined', 'end', 'call', 'regs', 'partial'].indexOf(type);
      expect(v6_4.decode(entry(5 | ((number < 0 ? 7 : number) << 8))).type).toBe(type);
    },
  );

  test('the RAX of newer Clang', () => {
    const format = orcFormat(kernelWith('edfa4d15552fdd2e1d56679728416379f2fe4534'));
    expect(format.decode(entry(10 | (2 << 8))).spRegister).toBe('ax');
  });

  test('an unknown id is refused by its name', () => {
    const id = '00'.repeat(20);
    expect(() => orcFormat(kernelWith(id))).toThrow(
      new RegExp(`orc_header\\) is ${id}; expected one of fe5d32bf`),
    );
  });
});

describe('formats without an id', () => {
  test.each([
    [5, 'call', 5 | (0 << 8)],
    [5, 'regs', 5 | (1 << 8)],
    [5, 'partial', 5 | (2 << 8)],
    [5, 'unknown', 5 | (3 << 8)],
    [0, 'undefined', 0],
    [0, 'end', 1 << 10],
  ])('v5.10: sp_reg %i means %s', (_, type, bits) => {
    expect(v5_10.decode(entry(bits))).toMatchObject({ type, isSignal: false });
  });

  test('v6.3 has a bit for signals where v5.10 has the end', () => {
    expect(v6_3.decode(entry(5 | (1 << 10)))).toMatchObject({ type: 'call', isSignal: true });
    expect(v6_3.decode(entry(1 << 10))).toMatchObject({ type: 'undefined' });
    expect(v6_3.decode(entry(1 << 11))).toMatchObject({ type: 'end' });
  });
});
