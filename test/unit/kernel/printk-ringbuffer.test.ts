import { describe, expect, it } from 'vitest';
import { KernelError } from '../../../capture/errors.ts';
import { KernelMemory } from '../../../capture/kernel/memory.ts';
import { printkRecords } from '../../../capture/kernel/printk-ringbuffer.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import {
  DESC_BYTES,
  DESCS_PADDR,
  IMAGE_PADDR,
  INFOS_PADDR,
  KernelBuilder,
  type KernelSpec,
  PRB_AT,
  type RecordSpec,
  TEXT_PADDR,
} from '../../support/kernel-builder.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const PRB = IMAGE_PADDR + PRB_AT;

function readLog(builder: KernelBuilder) {
  const vmcore = openVmcore(new MemorySource(builder.build()));
  const warnings: string[] = [];
  const records = [...printkRecords(KernelMemory.of(vmcore), vmcore.vmcoreinfo, warnings)];
  return { records, texts: records.map(r => Buffer.from(r.text).toString('latin1')), warnings };
}

const lines = (count: number, from = 0): RecordSpec[] =>
  Array.from({ length: count }, (_, i) => ({ text: `line ${from + i}` }));
const textsOf = (records: readonly RecordSpec[]) => records.map(r => String(r.text));
const log = (spec: KernelSpec) => readLog(new KernelBuilder(spec));

describe('printkRecords', () => {
  it('reads each field', () => {
    const { records, warnings } = log({
      records: [
        { text: 'Linux version 6.1', timestampNs: 0n, level: 5, facility: 0, callerId: 0 },
        { text: 'user\nsays', timestampNs: 123456789012345n, level: 7, facility: 3, callerId: 0x80000001 },
      ],
    });
    expect(warnings).toEqual([]);
    expect(records.map(r => ({ ...r, text: Buffer.from(r.text).toString() }))).toEqual([
      { seq: 0n, timestampNs: 0n, level: 5, facility: 0, callerId: 0, text: 'Linux version 6.1' },
      {
        seq: 1n,
        timestampNs: 123456789012345n,
        level: 7,
        facility: 3,
        callerId: 0x80000001,
        text: 'user\nsays',
      },
    ]);
  });

  it.each([1, 15, 16, 17, 40, 1000])('keeps the newest of %i records in a ring of 16', count => {
    const { texts, warnings } = log({ records: lines(count) });
    expect(texts).toEqual(textsOf(lines(count)).slice(-16));
    expect(warnings).toEqual([]);
  });

  it.each([511, 512, 513, 1024, 1025, 1500])('reads %i records, in chunks', count => {
    const { texts, warnings } = log({ records: lines(count), countBits: 10, sizeBits: 16, firstId: 1000n });
    expect(texts).toEqual(textsOf(lines(count)).slice(-1024));
    expect(warnings).toEqual([]);
  });

  it('reads an empty ring', () => {
    expect(log({})).toMatchObject({ texts: [], warnings: [] });
  });

  it.each([2n ** 62n - 3n, 2n ** 62n - 1n, 0n])('follows ids from %s on, past 2^62', firstId => {
    const { texts, warnings } = log({ records: lines(5), firstId });
    expect(texts).toEqual(textsOf(lines(5)));
    expect(warnings).toEqual([]);
  });

  it.each([false, true])(
    "reads a block at the ring's start when it would run over its end (exact ones too: %s)",
    exact => {
      for (let firstLpos = 256n; firstLpos <= 512n; firstLpos += 8n) {
        const records = lines(10).map((r, i) => ({ text: `${r.text} ${'x'.repeat(i * 3)}` }));
        const spec = { records, sizeBits: 9, wrapsWhenExact: exact, firstLpos: 2n ** 62n - 512n + firstLpos };
        const { texts, warnings } = log(spec);
        expect(texts, `from ${firstLpos}`).toEqual(textsOf(records).slice(-texts.length));
        expect(texts.length).toBeGreaterThan(5);
        expect(warnings).toEqual([]);
      }
    },
  );

  it.each([
    ['reserved', []],
    ['committed', ['two']],
    ['finalized', ['two']],
    ['reusable', []],
  ] as ['reserved', string[]][])('a %s record counts as %j', (state, kept) => {
    const { texts, warnings } = log({
      records: [{ text: 'one' }, { text: 'two', state }, { text: 'three' }],
    });
    expect(texts).toEqual(['one', ...kept, 'three']);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['lost its text', [1n, 1n], 0],
    ['is an empty line', [3n, 3n], 0],
    ['has a block of no bytes', [64n, 64n], 1],
    ['has a block too short for its id', [64n, 68n], 1],
    ["names another record's block", [0n, 16n], 1],
  ] as [string, [bigint, bigint], number][])('leaves out a record that %s', (_, lpos, nonsense) => {
    const { texts, warnings } = log({ records: [{ text: 'one' }, { text: 'two', lpos }, { text: 'three' }] });
    expect(texts).toEqual(['one', 'three']);
    expect(warnings).toHaveLength(nonsense);
  });

  it.each([
    [0, ''],
    [3, 'two'],
    [8, 'two\0\0\0\0\0'],
    [9, 'two\0\0\0\0\0'],
    [65535, 'two\0\0\0\0\0'],
  ])('cuts a text_len of %i at the end of its block', (textLen, text) => {
    expect(log({ records: [{ text: 'one' }, { text: 'two', textLen }] }).texts).toEqual(['one', text]);
  });

  it('skips a descriptor with another id', () => {
    const builder = new KernelBuilder({ records: lines(4), firstId: 0n });
    builder.memory.u64(DESCS_PADDR + DESC_BYTES, (2n << 62n) | 17n);
    expect(readLog(builder).texts).toEqual(['line 0', 'line 2', 'line 3']);
  });

  it('reads the newest when the tail is false', () => {
    const builder = new KernelBuilder({ records: lines(20), firstId: 0n });
    for (const tailId of [3n, 20n, 1000n, 2n ** 61n]) {
      builder.memory.u64(PRB + 32, tailId);
      const { texts, warnings } = readLog(builder);
      expect(texts).toEqual(textsOf(lines(16, 4)));
      expect(warnings).toEqual([expect.stringContaining('the newest are read')]);
    }
  });

  it('ends when the head is false', () => {
    const builder = new KernelBuilder({ records: lines(4), firstId: 0n });
    for (const headId of [2n ** 62n - 1n, 2n ** 40n, 2n ** 64n - 1n]) {
      builder.memory.u64(PRB + 24, headId);
      expect(readLog(builder).warnings.length).toBeGreaterThan(0);
    }
  });

  it('ends when every descriptor names the whole ring', () => {
    const builder = new KernelBuilder({ records: lines(16), firstId: 0n });
    for (let i = 0; i < 16; i++) {
      builder.memory.u64(DESCS_PADDR + i * DESC_BYTES + 8, 0n);
      builder.memory.u64(DESCS_PADDR + i * DESC_BYTES + 16, 1016n);
    }
    const { texts, warnings } = readLog(builder);
    expect(texts).toHaveLength(1);
    expect(warnings[0]).toContain('more than the 1024 bytes of text');
  });

  describe('with a page missing', () => {
    const big = { records: lines(1024), countBits: 10, sizeBits: 16, firstId: 0n };

    it('of descriptors, loses those alone', () => {
      const builder = new KernelBuilder(big);
      builder.memory.remove(DESCS_PADDR / 4096 + 1);
      const { texts, warnings } = readLog(builder);
      // Records 170 to 341 are wholly or partly in the second page; finding the next readable one overshoots some.
      expect(texts.slice(0, 170)).toEqual(textsOf(lines(170)));
      expect(texts.slice(-500)).toEqual(textsOf(lines(500, 524)));
      expect(warnings).toEqual([expect.stringMatching(/^\d+ unreadable records of the kernel log/)]);
    });

    it('of text, loses those alone, and keeps half a line', () => {
      const builder = new KernelBuilder(big);
      builder.memory.remove(TEXT_PADDR / 4096 + 1);
      const { texts, warnings } = readLog(builder);
      expect(texts.length).toBeGreaterThan(700);
      expect(texts.at(-1)).toBe('line 1023');
      expect(warnings).toEqual([expect.stringContaining('unreadable record')]);
    });

    it('of descriptors all, ends at once', () => {
      const builder = new KernelBuilder({ records: lines(4) });
      builder.memory.u32(PRB, 26);
      builder.memory.u64(PRB + 8, 0xffa5000000000000n);
      builder.memory.u64(PRB + 24, 2n ** 26n);
      builder.memory.u64(PRB + 32, 2n);
      const started = performance.now();
      expect(readLog(builder).texts).toEqual([]);
      expect(performance.now() - started).toBeLessThan(20_000);
    });

    it('of infos at the edge of the address space, does not throw', () => {
      const builder = new KernelBuilder({ records: lines(4) });
      builder.memory.u64(PRB + 16, 2n ** 64n - 8n);
      expect(readLog(builder).texts).toEqual([]);
    });
  });

  it('leaves level and facility out where caller_id is elsewhere', () => {
    const builder = new KernelBuilder({
      records: lines(1),
      vmcoreinfo: { 'OFFSET(printk_info.caller_id)': 24 },
    });
    expect(readLog(builder).records[0]).toMatchObject({ level: undefined, facility: undefined });
    const none = new KernelBuilder({
      records: lines(1),
      vmcoreinfo: { 'OFFSET(printk_info.caller_id)': undefined },
    });
    expect(readLog(none).records[0]).toMatchObject({ level: undefined, callerId: undefined });
  });

  it.each(
    Object.keys(new KernelBuilder().vmcoreinfo).filter(
      key => /prb|printk/.test(key) && !/caller_id|SIZE\(prb_desc_ring/.test(key),
    ),
  )('names %s when it is missing, and survives any value of it', key => {
    expect(() => log({ records: lines(3), vmcoreinfo: { [key]: undefined } })).toThrow(
      `Cannot read the kernel log: vmcoreinfo has no ${key}`,
    );
    for (const value of ['0', '1', '7', '16', '4095', '4096', '2147483647', 'ffffffffffffffff', '-1', 'x']) {
      try {
        log({ records: lines(3), vmcoreinfo: { [key]: value } });
      } catch (error) {
        expect(error, `${key}=${value}`).toBeInstanceOf(KernelError);
      }
    }
  });

  it.each([
    ['count_bits', 0],
    ['size_bits', 48],
  ])('refuses a %s that no kernel has', (name, at) => {
    for (const bits of [0, 32, 255, 0xffffffff]) {
      const builder = new KernelBuilder({ records: lines(1) });
      builder.memory.u32(PRB + at, bits);
      expect(() => readLog(builder)).toThrow(`${name} is ${bits}`);
    }
  });

  it('survives noise in place of the ring, descriptors and infos', () => {
    let seed = 1;
    for (let round = 0; round < 40; round++) {
      const builder = new KernelBuilder({ records: lines(16) });
      for (const [paddr, bytes] of [
        [PRB, round % 2 === 0 ? 88 : 0],
        [DESCS_PADDR, 16 * DESC_BYTES],
        [INFOS_PADDR, 4096],
      ] as const) {
        const noise = new Uint8Array(bytes).map(() => {
          seed = (seed * 1103515245 + 12345) % 2 ** 31;
          return seed >>> 16;
        });
        builder.memory.write(paddr, noise);
      }
      try {
        readLog(builder);
      } catch (error) {
        expect(error).toBeInstanceOf(KernelError);
      }
    }
  });
});
