import { expect, test } from 'vitest';
import { memoryMap, readMemoryMap, sizeMib, vmcoreLacks } from '../../../qemu/expect/memory-map.ts';
import type { CrashRun } from '../../../qemu/run/run.ts';

const linesOf = (...texts: string[]) => texts.map(text => ({ text, atSeconds: 0 }));
const SERIAL = linesOf(
  'lab: memory map',
  'lab: ram 00001000-00000fff',
  'lab: memory map',
  'lab: ram 00001000-0009fbff',
  'lab: ram 00100000-5ffdffff',
  'lab: reserved 53000000-5effffff',
  'lab: ram 100000000-11fffffff',
  'lab: ramble 0-1',
);

test('the last map counts, with ends past the last byte', () => {
  const { ram, reserved } = readMemoryMap(SERIAL);
  expect(ram).toEqual([
    { start: 0x1000, end: 0x9fc00 },
    { start: 0x100000, end: 0x5ffe0000 },
    { start: 2 ** 32, end: 2 ** 32 + 512 * 2 ** 20 },
  ]);
  expect(sizeMib(reserved)).toBe(192);
});

test('a check of the map says what it saw', async () => {
  const check = memoryMap('two ranges', ({ ram }) => ram.length === 2);
  const judge = async (lines: CrashRun['lines']) => (await check({ lines } as CrashRun, {} as never))[0];
  expect(await judge(SERIAL)).toMatchObject({
    holds: false,
    saw: expect.stringMatching(/^3 ranges of \d+ MiB: 0x1000-/),
  });
  expect(await judge(linesOf('lab: memory map', 'lab: ram 0-fff', 'lab: ram 2000-2fff'))).toMatchObject({
    holds: true,
  });
  expect(await judge([])).toMatchObject({ holds: false, saw: expect.stringMatching(/^0 ranges/) });
});

test.each([
  ['752', true],
  // The kernel's image is in it twice.
  ['805', true],
  ['880', false],
])('a vmcore of %s MB lacks what the crash kernel has: %j', async (megabytes, holds) => {
  const open = { text: `[ 8.6] kdumpling: open: /proc/vmcore has ${megabytes} MB of 7.2`, seconds: 0 };
  const lines = [...memoryOf(1024), open];
  const [check] = await vmcoreLacks(304)({ lines } as never, {} as never);
  expect(check!.holds).toBe(holds);
});

test('no vmcore lacks nothing', async () =>
  expect((await vmcoreLacks(304)({ lines: memoryOf(1024) } as never, {} as never))[0]).toMatchObject({
    holds: false,
    saw: expect.stringContaining('no such line'),
  }));

/** One range of RAM from 1 MiB on. */
function memoryOf(mib: number) {
  const end = (((mib + 1) << 20) - 1).toString(16);
  return ['lab: memory map', `lab: ram 100000-${end}`].map(text => ({ text, seconds: 0 }));
}
