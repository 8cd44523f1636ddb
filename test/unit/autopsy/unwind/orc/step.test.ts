/** Each rule of ORC by itself. */
import { describe, expect, test } from 'vitest';
import type { OrcEntry, OrcRegister } from '../../../../../capture/autopsy/unwind/orc/format.ts';
import { orcStep } from '../../../../../capture/autopsy/unwind/orc/step.ts';
import { Words } from '../../../../../capture/autopsy/unwind/words.ts';
import type { KernelMemory } from '../../../../../capture/kernel/memory.ts';
import { VirtualMemory } from '../../../../support/kernel-stack.ts';

const STACK = 0xffffc90000000000n;
const CODE = 0xffffffff81000100n;
const CALLER = 0xffffffff81000205n;

const RULE: OrcEntry = {
  type: 'call',
  spRegister: 'sp',
  spOffset: 8,
  bpRegister: 'undefined',
  bpOffset: 0,
  isSignal: false,
};

function step(rule: Partial<OrcEntry> | undefined, cursor: object = {}, words: Record<string, bigint> = {}) {
  const memory = new VirtualMemory();
  for (let page = 0n; page < 4n; page++) memory.page(STACK + page * 4096n);
  for (const [offset, value] of Object.entries(words)) memory.u64(STACK + BigInt(offset), value);
  const asked: bigint[] = [];
  const result = orcStep(
    {
      words: new Words(memory as unknown as KernelMemory),
      rule: address => {
        asked.push(address);
        return rule && { ...RULE, ...rule };
      },
      isText: address => address >= 0xffffffff81000000n && address < 0xffffffff82000000n,
    },
    { ip: CODE, sp: STACK, bp: 0x77n, isExact: false, ...cursor },
  );
  return { result, asked };
}

describe('which rule', () => {
  test('of a return address: that of the call', () => expect(step({}).asked).toEqual([CODE - 1n]));
  test('of an interrupted instruction: its own', () => {
    expect(step({}, { isExact: true }).asked).toEqual([CODE]);
  });
});

describe('a call', () => {
  test.each<[OrcRegister, number, object, Record<string, bigint>, bigint]>([
    ['sp', 24, {}, { 16: CALLER }, STACK + 24n],
    ['bp', 24, { bp: STACK + 8n }, { 24: CALLER }, STACK + 32n],
    ['sp-indirect', 8, {}, { 0: STACK + 0x100n, 256: CALLER }, STACK + 0x108n],
    ['bp-indirect', -8, { bp: STACK + 0x20n }, { 24: STACK + 0x100n, 248: CALLER }, STACK + 0x100n],
    ['r10', 0, { registers: { r10: STACK + 0x100n } }, { 248: CALLER }, STACK + 0x100n],
    ['r13', 0, { registers: { r13: STACK + 0x100n } }, { 248: CALLER }, STACK + 0x100n],
    ['di', 0, { registers: { di: STACK + 0x100n } }, { 248: CALLER }, STACK + 0x100n],
    ['dx', 0, { registers: { dx: STACK + 0x100n } }, { 248: CALLER }, STACK + 0x100n],
    ['ax', 0, { registers: { ax: STACK + 0x100n } }, { 248: CALLER }, STACK + 0x100n],
  ])('by %s%i', (spRegister, spOffset, cursor, words, sp) => {
    expect(step({ spRegister, spOffset }, cursor, words).result).toMatchObject({
      to: 'call',
      slot: sp - 8n,
      isGuess: false,
      cursor: { ip: CALLER, sp, isExact: false },
    });
  });

  test.each<[OrcRegister, number, bigint | undefined]>([
    ['undefined', 0, STACK + 0x40n],
    ['previous-sp', -16, 0x99n],
    ['bp', 8, 0x88n],
    ['unknown', 0, undefined],
  ])('finds RBP by %s', (bpRegister, bpOffset, bp) => {
    const words = { 16: CALLER, 8: 0x99n, 72: 0x88n };
    const { result } = step({ spOffset: 24, bpRegister, bpOffset }, { bp: STACK + 0x40n }, words);
    expect(result).toMatchObject({ to: 'call', cursor: { bp } });
  });

  test('loses the other registers', () => {
    const { result } = step({}, { registers: { r10: 1n } }, { 0: CALLER });
    expect(result).not.toHaveProperty('cursor.registers');
  });

  test('of a signal frame is where it was interrupted', () => {
    expect(step({ isSignal: true }, {}, { 0: CALLER }).result).toMatchObject({ cursor: { isExact: true } });
  });

  test.each<[OrcRegister, string]>([
    ['bp', 'BP'],
    ['bp-indirect', 'BP'],
    ['r10', 'R10'],
    ['unknown', 'UNKNOWN'],
  ])('by %s, which is not known', (spRegister, name) => {
    expect(step({ spRegister }, { bp: undefined }).result).toEqual({
      to: 'nowhere',
      why: `its caller is found by the register ${name}, whose value is not known here`,
    });
  });

  test('on a page that is not in the dump', () => {
    expect(() => step({ spOffset: 0x7fff }, {})).toThrow(/does not hold it/);
  });
});

/** struct pt_regs at the stack's beginning. */
const SAVED = { 32: 0x1111n, 56: 0x2222n, 128: CALLER, 136: 0x10n, 152: STACK + 0x200n };

describe('saved registers', () => {
  test('of the kernel', () => {
    expect(step({ type: 'regs', spOffset: 0 }, {}, SAVED).result).toMatchObject({
      to: 'exception',
      registers: { ip: CALLER, bp: 0x1111n, r10: 0x2222n },
      cursor: { ip: CALLER, sp: STACK + 0x200n, bp: 0x1111n, isExact: true, registers: { r10: 0x2222n } },
    });
  });

  test.each([0x33n, 0x2bn, 0x23n])('of user mode: CS is %i', cs => {
    const { result } = step({ type: 'regs', spOffset: 0 }, {}, { ...SAVED, 136: cs });
    expect(result).toMatchObject({ to: 'user', registers: { ip: CALLER } });
  });

  test('empty ones, of a kernel thread', () => {
    expect(step({ type: 'regs', spOffset: 0 }).result).toEqual({ to: 'end' });
  });

  test('a part of them: the others are as they were', () => {
    const iret = { 0: CALLER, 8: 0x10n, 24: STACK + 0x200n };
    const before = { registers: { r10: 5n, bp: 6n } };
    expect(step({ type: 'partial', spOffset: 0 }, before, iret).result).toMatchObject({
      to: 'exception',
      cursor: { ip: CALLER, sp: STACK + 0x200n, bp: 6n, registers: { r10: 5n, ip: CALLER } },
    });
    expect(step({ type: 'partial', spOffset: 0 }, {}, iret).result).toMatchObject({ cursor: { bp: 0x77n } });
  });
});

describe('no rule', () => {
  test('the end of the stack', () => expect(step({ type: 'end' }).result).toEqual({ to: 'end' }));

  test.each<[string, Partial<OrcEntry> | undefined]>([
    ['undefined', { type: 'undefined' }],
    ['none', undefined],
  ])('for code of the kernel: %s', (_, rule) => {
    expect(step(rule).result).toMatchObject({ to: 'nowhere' });
  });

  test('of a type that is not known', () => {
    expect(step({ type: 'unknown' }).result).toMatchObject({ to: 'nowhere' });
  });

  test('for code that is not of the kernel: by the frame pointer, as a guess', () => {
    const cursor = { ip: 0xffffffffc0000000n, bp: STACK + 0x10n };
    expect(step(undefined, cursor, { 16: 0x99n, 24: CALLER }).result).toMatchObject({
      to: 'call',
      isGuess: true,
      slot: STACK + 0x18n,
      cursor: { ip: CALLER, sp: STACK + 0x20n, bp: 0x99n },
    });
  });

  test('for a jump to nowhere: by the top of the stack, as a guess', () => {
    expect(step(undefined, { ip: 0n, isExact: true }, { 0: CALLER }).result).toMatchObject({
      to: 'call',
      isGuess: true,
      cursor: { ip: CALLER, sp: STACK + 8n },
    });
  });
});
