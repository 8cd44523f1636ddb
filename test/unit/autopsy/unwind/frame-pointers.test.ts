import { describe, expect, test } from 'vitest';
import type { Registers } from '../../../../capture/autopsy/unwind/frame.ts';
import {
  type FramePointerMachine,
  framePointerStep,
} from '../../../../capture/autopsy/unwind/frame-pointers.ts';

const RECORD = 0xffff800080003000n;
const CALLER = 0xffff800080003100n;
const CODE = 0xffff800080100000n;

interface Spec {
  readonly words: Readonly<Record<string, bigint>>;
  readonly registers?: Registers;
  readonly hasRecordTypes?: boolean;
  readonly link?: bigint;
}

function machine({ words, registers, hasRecordTypes = false, link }: Spec): FramePointerMachine {
  return {
    u64: vaddr => {
      const word = words[vaddr.toString(16)];
      if (word === undefined) throw new RangeError(`nothing at ${vaddr.toString(16)}`);
      return word;
    },
    plain: address => address | 0xffff000000000000n,
    registersAround: () => registers,
    isUserMode: ({ pstate }) => (pstate! & 0xfn) === 0n,
    callerByLink: () => link,
    hasRecordTypes,
  };
}

/** A frame record, and the word behind it. */
function record(fp: bigint, lr: bigint, type?: bigint): Record<string, bigint> {
  return {
    [RECORD.toString(16)]: fp,
    [(RECORD + 8n).toString(16)]: lr,
    ...(type === undefined ? {} : { [(RECORD + 16n).toString(16)]: type }),
  };
}

const at = (bp: bigint | undefined) => ({ ip: CODE, sp: RECORD - 64n, bp, isExact: false });
const EL1 = { pc: CODE + 8n, sp: CALLER - 32n, x29: CALLER, pstate: 0x60000005n };
const EL0 = { pc: 0x400000n, sp: 0xfffff000n, x29: 0n, pstate: 0x60000000n };

test('a record leads to the caller', () => {
  expect(framePointerStep(machine({ words: record(CALLER, CODE + 4n) }), at(RECORD))).toEqual({
    to: 'call',
    slot: RECORD + 8n,
    isGuess: false,
    cursor: { ip: CODE + 4n, sp: RECORD + 16n, bp: CALLER, isExact: false },
  });
});

test('the pointer authentication code is not part of the address', () => {
  const signed = (CODE + 4n) & 0x00ffffffffffffffn;
  expect(framePointerStep(machine({ words: record(CALLER, signed) }), at(RECORD))).toMatchObject({
    cursor: { ip: CODE + 4n },
  });
});

describe('the last record', () => {
  test('of a task that came from user mode', () => {
    const step = framePointerStep(machine({ words: record(0n, 0n), registers: EL0 }), at(RECORD));
    expect(step).toEqual({ to: 'user', registers: EL0 });
  });

  test.each([
    ['with an empty pt_regs', { pc: 0n, sp: 0n, x29: 0n, pstate: 0n }],
    ['with a pt_regs that cannot be read', undefined],
  ])('of a kernel thread, %s', (_, registers) => {
    expect(framePointerStep(machine({ words: record(0n, 0n), registers }), at(RECORD))).toEqual({
      to: 'end',
    });
  });

  test('since v6.13: it says that it is the last', () => {
    const words = record(0n, 0n, 1n);
    expect(framePointerStep(machine({ words, hasRecordTypes: true }), at(RECORD))).toEqual({ to: 'end' });
  });
});

describe('an exception', () => {
  const interrupted = {
    to: 'exception',
    registers: EL1,
    cursor: { ip: EL1.pc, sp: EL1.sp, bp: CALLER, registers: EL1, isExact: true },
  };

  test('since v6.13 has an empty record of its own type', () => {
    const words = record(0n, 0n, 2n);
    const found = framePointerStep(machine({ words, registers: EL1, hasRecordTypes: true }), at(RECORD));
    expect(found).toEqual(interrupted);
  });

  test('before has a record of what was interrupted', () => {
    const words = record(CALLER, EL1.pc);
    expect(framePointerStep(machine({ words, registers: EL1 }), at(RECORD))).toEqual(interrupted);
  });

  test('without the layout of pt_regs leads nowhere', () => {
    const words = record(0n, 0n, 2n);
    expect(framePointerStep(machine({ words, hasRecordTypes: true }), at(RECORD))).toMatchObject({
      to: 'nowhere',
    });
  });
});

describe('a frame pointer that is none', () => {
  test.each([
    ['missing', undefined, /no frame pointer/],
    ['NULL', 0n, /no frame pointer/],
    ['odd', RECORD + 1n, /0xffff800080003001 is not aligned/],
  ])('%s', (_, bp, why) => {
    expect(framePointerStep(machine({ words: {} }), at(bp))).toMatchObject({
      to: 'nowhere',
      why: expect.stringMatching(why),
    });
  });
});

describe('a function that was interrupted', () => {
  const interrupted = { ...at(RECORD), registers: EL1, isExact: true };

  test('before it made a record: its caller is in the link register, and the record is the caller’s', () => {
    const link = CODE + 0x40n;
    const step = framePointerStep(machine({ words: record(CALLER, CODE + 4n), link }), interrupted);
    const { sp } = interrupted;
    expect(step).toEqual({
      to: 'call',
      slot: sp,
      isGuess: false,
      cursor: { ip: link, sp, bp: RECORD, isExact: false },
    });
  });

  test('with a record: that leads to its caller', () => {
    const step = framePointerStep(machine({ words: record(CALLER, CODE + 4n) }), interrupted);
    expect(step).toMatchObject({ cursor: { ip: CODE + 4n, bp: CALLER } });
  });
});
