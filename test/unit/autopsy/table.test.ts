/** Tables of which a few pages are kept say what they say in one piece, and are noted as read once. */
import { describe, expect, test } from 'vitest';
import { REPORT_EFFORT } from '../../../capture/autopsy/effort.ts';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { readKernelParts } from '../../../capture/autopsy/summary/read.ts';
import { keptTables, wholeTable } from '../../../capture/autopsy/table.ts';
import { KernelMemory } from '../../../capture/kernel/memory.ts';
import { selectTriage } from '../../../capture/triage/select.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { crashedKernel } from '../../support/crashed-kernel.ts';
import { IMAGE_PADDR, IMAGE_VADDR, KernelBuilder } from '../../support/kernel-builder.ts';
import { Random } from '../../support/random.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const PAGE = 4096;
const AT = 0x100000;
const BYTES = Uint8Array.from(new Random(5).bytes(11 * PAGE + 123));

/** @param pages of the table that the dump holds. */
function opened(pages = 12, within = 17) {
  const kernel = new KernelBuilder({});
  kernel.memory.write(IMAGE_PADDR + AT + within, BYTES.subarray(0, pages * PAGE - within));
  const memory = KernelMemory.of(openVmcore(new MemorySource(kernel.build())));
  const noted: number[] = [];
  const watched = new KernelMemory(memory.arch, (paddr, into) => {
    noted.push(paddr);
    return memory.readPhysical(paddr, into);
  });
  const open = keptTables(watched, memory, 4);
  return { noted, table: open(IMAGE_VADDR + BigInt(AT + within), BYTES.length) };
}

describe('a table of which 4 pages are kept', () => {
  const whole = wholeTable(BYTES);
  const places = Array.from({ length: 4000 }, (_, i) => (i * 7919) % (BYTES.length + 50));

  test('has the bytes and words of the whole one', () => {
    const { table } = opened();
    for (const at of [-1, ...places])
      expect([table.u8(at), table.u32(at)]).toEqual([whole.u8(at), whole.u32(at)]);
    expect(table.length).toBe(BYTES.length);
    expect(table.whole()).toEqual(BYTES);
    table.release();
    for (const at of places.slice(0, 100)) expect(table.u8(at)).toBe(whole.u8(at));
    expect(table.whole()).toEqual(BYTES);
  });

  test('parts of it, also past its end', () => {
    const { table } = opened();
    for (const at of [0, 1, PAGE - 1, BYTES.length - 5, BYTES.length, BYTES.length + 1]) {
      const [ours, theirs] = [new Uint8Array(9000), new Uint8Array(9000)];
      expect(table.copy(ours, at)).toBe(whole.copy(theirs, at));
      expect(ours).toEqual(theirs);
    }
  });

  test('a dump that lacks a page ends it there', () => {
    const { table } = opened(5);
    const held = 5 * PAGE - 17;
    expect(table.whole()).toEqual(BYTES.subarray(0, held));
    expect(table.length).toBe(held);
    expect([table.u8(held), table.u32(held - 2)]).toEqual([0, BYTES[held - 2]! | (BYTES[held - 1]! << 8)]);
  });

  test('what is read again is not noted again', () => {
    const { table, noted } = opened();
    table.whole();
    table.release();
    expect(noted).not.toEqual([]);
    noted.length = 0;
    for (const at of places) table.u8(at);
    expect(noted).toEqual([]);
  });
});

describe.each([
  ['a kernel', false],
  ['a kernel whose types are damaged', true],
])('%s', (_, isDamaged) => {
  const kernel = crashedKernel();
  if (isDamaged) {
    const start = openAutopsy(openVmcore(new MemorySource(kernel.build()))).symbols.require('__start_BTF');
    kernel.builder.memory.write(kernel.paddr(start) + 300, Buffer.alloc(64, 0xff));
  }
  const vmcore = openVmcore(new MemorySource(kernel.build()));
  const effort = { ...REPORT_EFFORT, tablePages: 2 };
  const request = { isHeld: () => true, mostPages: 1 << 16 };

  test('is the same, and so are the pages for triage', () => {
    const [whole, kept] = [openAutopsy(vmcore), openAutopsy(vmcore, undefined, effort)];
    expect(kept.missing).toEqual(whole.missing);
    expect(kept.missing.length > 0).toBe(isDamaged);
    expect(readKernelParts(kept)).toEqual(readKernelParts(whole));
    if (!isDamaged)
      expect(selectTriage(vmcore, { ...request, effort })).toEqual(selectTriage(vmcore, request));
  });
});
