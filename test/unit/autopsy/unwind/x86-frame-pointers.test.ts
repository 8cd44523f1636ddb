/** Frame pointers of x86-64, word by word. Real kernels: test/vm/own-kernel.test.ts. */
import { describe, expect, test } from 'vitest';
import { Words } from '../../../../capture/autopsy/unwind/words.ts';
import {
  hasFramePointer,
  x86FramePointerStep,
} from '../../../../capture/autopsy/unwind/x86-frame-pointers.ts';

const STACK = 0xffffc90000120000n;
const STACK_BYTES = 16384;
const TOP = STACK + BigInt(STACK_BYTES);
const CODE = 0xffffffff81000000n;
const REGISTERS_BYTES = 168;
const [BP, IP, CS, SP] = [4, 16, 17, 19];

/** A stack with these words, by their distance from its beginning. */
function stackOf(words: Readonly<Record<number, bigint>>) {
  const bytes = Buffer.alloc(STACK_BYTES);
  for (const [at, word] of Object.entries(words)) bytes.writeBigUInt64LE(word, Number(at));
  const readVirtualUpTo = (vaddr: bigint, into: Uint8Array) => {
    if (vaddr < STACK || vaddr >= TOP) return 0;
    return bytes.copy(into, 0, Number(vaddr - STACK));
  };
  const readVirtualInto = (vaddr: bigint, into: Uint8Array) => {
    if (readVirtualUpTo(vaddr, into) < into.length) throw new RangeError(`nothing at ${vaddr.toString(16)}`);
  };
  return { words: new Words({ readVirtualUpTo, readVirtualInto }), stackBytes: STACK_BYTES };
}

function registersAt(at: number, values: Readonly<Record<number, bigint>>): Record<number, bigint> {
  return Object.fromEntries(Object.entries(values).map(([index, value]) => [at + 8 * Number(index), value]));
}

const cursor = (sp: number, bp: bigint | undefined, isExact = false) => ({
  ip: CODE,
  sp: STACK + BigInt(sp),
  bp,
  isExact,
});

test('RBP leads to the caller', () => {
  const machine = stackOf({ 512: STACK + 1024n, 520: CODE + 9n });
  expect(x86FramePointerStep(machine, cursor(256, STACK + 512n))).toEqual({
    to: 'call',
    slot: STACK + 520n,
    isGuess: false,
    cursor: { ip: CODE + 9n, sp: STACK + 528n, bp: STACK + 1024n, isExact: false },
  });
});

describe('behind a call, without RBP', () => {
  test('it is what the called function saved', () => {
    const machine = stackOf({ 240: STACK + 512n, 248: CODE, 512: 0n, 520: CODE + 9n });
    expect(x86FramePointerStep(machine, cursor(256, undefined))).toMatchObject({ cursor: { ip: CODE + 9n } });
  });

  test.each([
    ['points below the stack pointer', STACK + 8n],
    ['points to another stack', STACK + 0x20000n],
    ['is no pointer', 7n],
  ])('what it saved is not RBP when it %s', (_, saved) => {
    expect(x86FramePointerStep(stackOf({ 240: saved }), cursor(256, undefined))).toEqual({
      to: 'nowhere',
      why: 'its frame pointer is not known',
    });
  });

  test('an interrupted instruction is behind no call', () => {
    const machine = stackOf({ 240: STACK + 512n });
    expect(x86FramePointerStep(machine, cursor(256, undefined, true)).to).toBe('nowhere');
  });
});

describe('an odd RBP is the address of saved registers, plus 1', () => {
  const at = STACK + 4096n;

  test('of what an exception interrupted', () => {
    const machine = stackOf(
      registersAt(4096, { [BP]: STACK + 5000n, [IP]: CODE + 77n, [CS]: 0x10n, [SP]: STACK + 4800n }),
    );
    expect(x86FramePointerStep(machine, cursor(256, at + 1n))).toMatchObject({
      to: 'exception',
      registers: { ip: CODE + 77n },
      cursor: { ip: CODE + 77n, sp: STACK + 4800n, bp: STACK + 5000n, isExact: true },
    });
  });

  test('of user mode', () => {
    const machine = stackOf(registersAt(4096, { [IP]: 0x401000n, [CS]: 0x33n }));
    expect(x86FramePointerStep(machine, cursor(256, at + 1n))).toMatchObject({
      to: 'user',
      registers: { ip: 0x401000n },
    });
  });

  test('those of a kernel thread are empty: its stack ends', () => {
    expect(x86FramePointerStep(stackOf({}), cursor(256, at + 1n))).toEqual({ to: 'end' });
  });
});

describe('RBP is 0', () => {
  const top = STACK_BYTES - REGISTERS_BYTES;

  test('at the top of a stack, below the registers of a system call', () => {
    const machine = stackOf(registersAt(top, { [IP]: 0x401000n, [CS]: 0x33n }));
    expect(x86FramePointerStep(machine, cursor(top, 0n))).toMatchObject({
      to: 'user',
      registers: { ip: 0x401000n },
    });
  });

  test('at the top of the stack that a CPU started on', () => {
    expect(x86FramePointerStep(stackOf({}), cursor(top, 0n))).toEqual({ to: 'end' });
    expect(x86FramePointerStep(stackOf({}), cursor(STACK_BYTES - 16, 0n))).toEqual({ to: 'end' });
  });

  test('in the middle of a stack it is damage', () => {
    expect(x86FramePointerStep(stackOf({}), cursor(4096, 0n))).toEqual({
      to: 'nowhere',
      why: 'its frame pointer is 0 in the middle of a stack',
    });
  });
});

test('an RBP that is not aligned is damage', () => {
  expect(x86FramePointerStep(stackOf({}), cursor(256, STACK + 516n))).toMatchObject({
    to: 'nowhere',
    why: expect.stringContaining('not aligned'),
  });
});

test('a function sets up a frame pointer by its first instructions', () => {
  const code = (bytes: string) => stackOf({ 0: Buffer.from(bytes, 'hex').readBigUInt64LE() }).words;
  expect(hasFramePointer(code('554889e541554154'), STACK)).toBe(true);
  expect(hasFramePointer(code('f30f1efa554889e5'), STACK)).toBe(true);
  expect(hasFramePointer(code('4157415641554154'), STACK)).toBe(false);
});
