/** An autopsy ends by a number of reads and look-ups, whatever the memory holds, and says so in the parts that it did not read. */
import { expect, test } from 'vitest';
import { boundedReads, REPORT_EFFORT } from '../../../capture/autopsy/effort.ts';
import { candidates, hashOf } from '../../../capture/autopsy/name-index.ts';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { isMissing } from '../../../capture/autopsy/summary/autopsy.ts';
import { boundedSource } from '../../../capture/autopsy/summary/bounded-source.ts';
import { readKernelParts } from '../../../capture/autopsy/summary/read.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { crashedKernel } from '../../support/crashed-kernel.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const vmcore = openVmcore(new MemorySource(crashedKernel().build()));

test('a kernel takes a small part of what a report may read', () => {
  const reads = (mostReads: number) => {
    const { modules, meminfo } = readKernelParts(
      openAutopsy(vmcore, undefined, { ...REPORT_EFFORT, mostReads }),
    );
    return [modules, meminfo].some(isMissing);
  };
  expect(reads(20_000)).toBe(reads(REPORT_EFFORT.mostReads));
});

test.each([0, 1, 10, 100, 300, 1000])(
  'with %i reads every part is there, or says why it is not',
  mostReads => {
    let parts: object[];
    try {
      parts = Object.values(readKernelParts(openAutopsy(vmcore, undefined, { ...REPORT_EFFORT, mostReads })));
    } catch (error) {
      expect(String(error)).toMatch(/Cannot /);
      return;
    }
    for (const part of parts.filter(isMissing)) expect(part.missing).toMatch(/\w{3}/);
  },
);

test('every read after the last one is refused', () => {
  const read = boundedReads((_, into) => into.length, 2);
  const page = new Uint8Array(8);
  expect([read(0, page), read(0, page)]).toEqual([8, 8]);
  for (let i = 0; i < 3; i++) expect(() => read(0, page)).toThrow(/an autopsy takes 2 reads at most/);
});

test.each([
  ['bytes', { bytes: 8192, reads: 100 }],
  ['reads', { bytes: 1 << 20, reads: 2 }],
])('a source ends after so many %s, windows as well', (_, most) => {
  let seen = 0;
  const source = boundedSource(new MemorySource(new Uint8Array(1 << 20)), most, () => seen++);
  const page = new Uint8Array(4096);
  source.readAt(page, 0);
  source.window(0, 4096);
  expect(() => source.readAt(page, 0)).toThrow(/Cannot read more of the memory/);
  expect(() => source.window(0, 4096)).toThrow(/Cannot read more of the memory/);
  expect(seen).toBe(2);
});

test('what stops the reader stops the read', () => {
  const source = boundedSource(new MemorySource(new Uint8Array(4096)), { bytes: 4096, reads: 1 }, () => {
    throw new Error('stopped');
  });
  expect(() => source.readAt(new Uint8Array(8), 0)).toThrow('stopped');
});

test('names that are all equal do not make each look-up a walk over all of them', () => {
  const count = 1 << 18;
  const hash = hashOf(Buffer.from('same'));
  const found = [...candidates(new Uint16Array(count).fill(hash), hash)];
  expect(found.length).toBeLessThan(count / 8);
  expect(found.slice(0, 3)).toEqual([0, 1, 2]);
});

test('all names that share 16 bits may be the one, in their order, and no others', () => {
  const names = Array.from({ length: 5000 }, (_, i) => Buffer.from(`name_${i}`));
  const prints = Uint16Array.from(names, hashOf);
  for (const wanted of ['name_0', 'name_4999', 'eman_17', 'nothing', '']) {
    const hash = hashOf(Buffer.from(wanted));
    const same = names.flatMap((name, i) => ((hashOf(name) ^ hash) & 0xffff ? [] : [i]));
    expect([...candidates(prints, hash)]).toEqual(same);
  }
  // A part of them, which begins within a larger array.
  const hash = hashOf(names[4321]!);
  expect([...candidates(prints.subarray(4321, 4400), hash)]).toContain(0);
  expect([...candidates(prints.subarray(0, 0), hash)]).toEqual([]);
});

test('the hash of a name is the sum of its pieces’, so that compressed names need not be expanded', () => {
  const whole = Buffer.from('__x64_sys_mount');
  for (let cut = 0; cut <= whole.length; cut++)
    expect(hashOf(whole.subarray(0, cut)) + hashOf(whole.subarray(cut))).toBe(hashOf(whole));
  // A sum that is no 32-bit number would make each addition slower.
  expect(hashOf(new Uint8Array(512).fill(255))).toBeLessThan(2 ** 31);
});
