import { describe, expect, it } from 'vitest';
import { dmesgLines, formatRecord } from '../../../capture/kernel/dmesg-text.ts';
import { KernelMemory } from '../../../capture/kernel/memory.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { KernelBuilder } from '../../support/kernel-builder.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const record = (text: string, timestampNs = 0n, callerId: number | undefined = undefined) => ({
  seq: 0n,
  timestampNs,
  level: 6,
  facility: 0,
  callerId,
  text: Buffer.from(text, 'latin1'),
});

describe('formatRecord', () => {
  it.each([
    [0n, '[    0.000000] x\n'],
    [999n, '[    0.000000] x\n'],
    [1000n, '[    0.000001] x\n'],
    [999_999_999n, '[    0.999999] x\n'],
    [1_000_000_000n, '[    1.000000] x\n'],
    [12345_678901_234n, '[12345.678901] x\n'],
    [123456_000001_000n, '[123456.000001] x\n'],
    [2n ** 64n - 1n, '[18446744073.709551] x\n'],
  ])('%s ns are %j', (timestampNs, line) => {
    expect(formatRecord(record('x', timestampNs))).toBe(line);
  });

  it.each([
    ['', '[    0.000000] \n'],
    ['a\nb', '[    0.000000] a\n               b\n'],
    ['a\n\nb\n', '[    0.000000] a\n               \n               b\n               \n'],
    ['tab\tand\r', '[    0.000000] tab\tand\r\n'],
    ['\x1b[31mred\0', '[    0.000000] \\x1b[31mred\\x00\n'],
    [' ~\x7f\x80\xe9\xff', '[    0.000000]  ~\\x7f\\x80\\xe9\\xff\n'],
    ['back\\slash', '[    0.000000] back\\slash\n'],
  ])('%j is written as %j', (text, line) => {
    expect(formatRecord(record(text))).toBe(line);
  });

  it('indents further lines under the first when the time is long', () => {
    expect(formatRecord(record('a\nb', 123456n * 10n ** 9n))).toBe(`[123456.000000] a\n${' '.repeat(16)}b\n`);
  });

  it.each([
    [1, '[    0.000000] [      T1] x\n'],
    [0x80000010, '[    0.000000] [     C16] x\n'],
    [0x7fffffff, '[    0.000000] [T2147483647] x\n'],
    [undefined, '[    0.000000] x\n'],
  ])('caller %s', (callerId, line) => {
    expect(formatRecord(record('x', 0n, callerId), { callerIds: true })).toBe(line);
    expect(formatRecord(record('x', 0n, callerId))).toBe('[    0.000000] x\n');
  });
});

describe('dmesgLines', () => {
  it('gives the log of a vmcore', () => {
    const builder = new KernelBuilder({ records: [{ text: 'one' }, { text: 'two\nthree' }] });
    const vmcore = openVmcore(new MemorySource(builder.build()));
    const warnings: string[] = [];
    const lines = [...dmesgLines(KernelMemory.of(vmcore), vmcore.vmcoreinfo, warnings)];
    expect(lines).toEqual(['[    0.000000] one\n', '[    0.001000] two\n               three\n']);
    expect(warnings).toEqual([]);
  });
});
