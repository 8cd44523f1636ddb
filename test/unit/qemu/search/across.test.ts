/** Reservations across a multiple of 128 MiB: where they are put, and what is seen of it. */
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../../qemu/faults/fault.ts';
import { labArch } from '../../../../qemu/machine/arch.ts';
import type { CrashRun } from '../../../../qemu/run/run.ts';
import { across } from '../../../../qemu/search/across.ts';

const MIB = 2 ** 20;
const SECTION_BYTES = 128 * MIB;
const SOUND: Fault = { name: 'sound', help: '', expectations: [] };
const SIZES = [32, 64, 80, 92, 112, 127, 128, 144, 160, 272, 288];

describe.each([
  { arch: 'x64', from: 0 },
  { arch: 'arm64', from: 1024 },
])('on $arch', ({ arch, from }) => {
  test.each(SIZES)('%d MiB are in as many sections as they can be, at a place that the kernel takes', mib => {
    const { crashkernel, firstKernelWords } = across(SOUND, mib, labArch(arch));
    const [, size, at] = /^(\d+)M@(\d+)M$/.exec(crashkernel!)!.map(Number);
    expect(size).toBe(mib);
    expect(at! % 16).toBe(0);
    expect(at).toBeGreaterThan(from + 128);
    // The smallest machine that a search is for, and room for the first kernel's initrd at its end.
    if (mib <= 256) expect(at! + mib).toBeLessThan(from + 1024 - 128);
    const sections = Math.floor((at! + mib - 1) / 128) - Math.floor(at! / 128) + 1;
    expect(sections).toBe(Math.ceil((mib - 16) / 128) + 1);
    expect(firstKernelWords).toEqual(['nokaslr']);
  });
});

test('a fault keeps its own words and expectations', () => {
  const own = () => [];
  const fault = { ...SOUND, layout: 'lean', firstKernelWords: ['quiet'], expectations: [own] } as const;
  const changed = across(fault, 80, labArch('x64'));
  expect(changed).toMatchObject({ name: 'sound', layout: 'lean', firstKernelWords: ['quiet', 'nokaslr'] });
  expect(changed.expectations).toHaveLength(2);
  expect(changed.expectations[1]).toBe(own);
});

describe('what was reserved', () => {
  async function check(start: number | undefined, bytes: number) {
    const range = (kind: string, from: number, size: number) => ({
      text: `lab: ${kind} ${from.toString(16).padStart(8, '0')}-${(from + size - 1).toString(16)}`,
      atSeconds: 0,
    });
    const lines = [
      { text: 'lab: memory map', atSeconds: 0 },
      range('ram', 0, 1024 * MIB),
      ...(start === undefined ? [] : [range('reserved', start, bytes)]),
    ];
    const [expectation] = across(SOUND, 112, labArch('x64')).expectations;
    const [seen] = await expectation!({ lines } as unknown as CrashRun, undefined as never);
    return seen!;
  }

  test.each([
    ['across', 3 * SECTION_BYTES - 16 * MIB, 112, true],
    ['up to a multiple', 3 * SECTION_BYTES - 112 * MIB, 112, false],
    ['from a multiple on', 3 * SECTION_BYTES, 112, false],
    ['of another size', 3 * SECTION_BYTES - 16 * MIB, 96, false],
  ])('%s', async (_, start, mib, holds) => {
    expect(await check(start, mib * MIB)).toMatchObject({ holds });
  });

  test('nothing', async () => {
    expect(await check(undefined, 0)).toMatchObject({
      what: 'the reservation is across a multiple of 128 MiB',
      holds: false,
      saw: expect.stringContaining('reserved: none'),
    });
  });
});
