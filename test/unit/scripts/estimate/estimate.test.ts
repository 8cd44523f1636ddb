import { describe, expect, test } from 'vitest';
import { describeBytes } from '../../../../scripts/lib/cli/sizes.ts';
import { chooseCrashkernel } from '../../../../scripts/lib/estimate/choose.ts';
import { estimateDump } from '../../../../scripts/lib/estimate/dump-size.ts';
import { lends } from '../../../../scripts/lib/estimate/lending.ts';
import { kernelBytes, memoryUse } from '../../../../scripts/lib/estimate/memory.ts';
import {
  advisedValues,
  judgeReservation,
  lendingCost,
  reservation,
  shortageOf,
} from '../../../../scripts/lib/estimate/reservation.ts';
import { estimateText } from '../../../../scripts/lib/estimate/text.ts';
import { hostWith } from '../../../support/host-root.ts';

const M = 2 ** 20;
const G = 2 ** 30;
const T = 2 ** 40;

describe('the reservation', () => {
  const need = (spanPages: number, more: object = {}) =>
    reservation({ layout: 'self-contained', spanPages, physical: false, ...more });

  test.each([
    ['a small VM', 1 * G, {}, 112, 128],
    ['the lean layout', 1 * G, { layout: 'lean' as const }, 80, 96],
    ['256 GB', 256 * G, {}, 112, 128],
    ['1 TB: 32 MB of bitmap', 1 * T, {}, 144, 144],
    ['12 TB: not more, the bitmap is in a file', 12 * T, {}, 144, 144],
    ['real hardware', 64 * G, { physical: true }, 176, 176],
    ['the measured initrd', 1 * G, { imageBytes: 21_400_000 }, 112, 128],
    ['the whole Node in the initrd', 1 * G, { hasWholeNode: true }, 128, 128],
    ['an initrd with it that is there', 1 * G, { imageBytes: 29_000_000, hasWholeNode: true }, 128, 128],
    ['one that is 10 MB larger', 1 * G, { imageBytes: 31_400_000 }, 128, 128],
    [
      'one that is 10 MB larger and stays where it is',
      1 * G,
      { imageBytes: 31_400_000, kver: '6.12' },
      112,
      128,
    ],
    ['Linux 7', 1 * G, { kver: '7.2-cloud' }, 96, 128],
    ['a kernel for all hardware', 1 * G, { kver: '6.1.0-56-amd64' }, 112, 128],
    ['a smaller one asks for nothing less', 1 * G, { imageBytes: 10_000_000 }, 112, 128],
    ['a kernel smaller than the measured one', 1 * G, { kernelBytes: 20 * M }, 112, 128],
    // Debian's update of 6.1: a tenth of a MiB more must not cost a step.
    ['a kernel that is hardly larger', 1 * G, { kernelBytes: 29.8 * M }, 112, 128],
  ])('%s', (_, memory, more, least, advised) => {
    const { leastBytes, advisedBytes, terms } = need(memory / 4096, more);
    expect(leastBytes / M).toBe(least);
    expect(advisedBytes / M).toBe(advised);
    expect(terms.every(({ bytes, why }) => bytes > 0 && why !== '')).toBe(true);
  });

  // Captured by the lab, with the reservation across a multiple of 128 MiB: test/bench/RESULTS.md.
  test.each([
    ['6.1.0-57-cloud-amd64', 'self-contained', 29.7, 21_400_000, 112],
    ['6.12.117-cloud-amd64', 'self-contained', 34.3, 21_400_000, 96],
    ['7.2.13-cloud-amd64', 'self-contained', 38.3, 21_400_000, 112],
    ['6.1.0-57-amd64', 'self-contained', 42.1, 22_000_000, 128],
    ['6.12.117-amd64', 'self-contained', 34.7, 21_400_000, 112],
    ['7.2.13-amd64', 'self-contained', 39.2, 21_400_000, 112],
    ['6.1.0-56-cloud-amd64', 'lean', 29.7, 2_600_000, 80],
    ['6.1.0-57-amd64', 'lean', 42.1, 2_600_000, 96],
    ['6.12.117-amd64', 'lean', 34.7, 2_600_000, 80],
    ['6.12.117-cloud-amd64', 'lean', 34.3, 2_600_000, 80],
    ['7.2.13-cloud-amd64', 'lean', 38.3, 2_600_000, 80],
  ] as const)('of %s %s is what captured', (kver, layout, kernelMib, imageBytes, found) => {
    const { leastBytes } = need(G / 4096, { layout, kver, kernelBytes: kernelMib * M, imageBytes });
    expect(leastBytes / M).toBe(found);
  });

  // 22 MiB must be there when the autopsy begins: with these sizes 8, 3, 12 and 23 were available, and 4 are compressed.
  test.each([
    ['6.1.0-57-cloud-amd64', 29.7, 96 - 8],
    ['6.12.117-cloud-amd64', 34.3, 96 - 3],
    ['7.2.13-cloud-amd64', 38.3, 112 - 12],
    ['7.2.13-amd64', 39.2, 128 - 23 + 4],
  ])('of %s has room for the autopsy by default', (kver, kernelMib, usedMib) => {
    const found = need(G / 4096, { kver, kernelBytes: kernelMib * M, imageBytes: 21_400_000 });
    expect(found.advisedBytes / M - usedMib + 4).toBeGreaterThanOrEqual(22);
  });

  test.each([
    ['6.1.0-56-cloud-amd64', 29.7, '96M'],
    ['6.12.117-cloud-amd64', 34.3, '96M'],
    ['7.2.13-cloud-amd64', 38.3, '112M'],
    ['6.1.0-56-amd64', 42.1, '112M'],
  ])(
    'a lean machine reserves by default less than Debian reserves for kdump-tools, with %s',
    (kver, kernelMib, value) => {
      const facts = { layout: 'lean', kver, kernelBytes: kernelMib * M, imageBytes: 2_600_000 };
      const lean = need(G / 4096, facts);
      expect(advisedValues(lean)).toEqual([value]);
    },
  );

  test.each([
    ['6.1.0-57-cloud-amd64', 29.7, '128M'],
    ['6.1.0-57-amd64', 42.1, '128M'],
    ['6.12.117-cloud-amd64', 34.3, '128M'],
    ['6.12.117-amd64', 34.7, '128M'],
    ['7.2.13-cloud-amd64', 38.3, '128M'],
    ['7.2.13-amd64', 39.2, '128M'],
  ])('a self-contained one no more than that, with %s', (kver, kernelMib, value) => {
    const found = need(G / 4096, { kver, kernelBytes: kernelMib * M, imageBytes: 21_400_000 });
    expect(advisedValues(found)).toEqual([value]);
  });

  test.each([
    [111, /111M are reserved, and at least 112M are needed/],
    [112, undefined],
    [320, undefined],
    [321, /321M are reserved, and 128M would do/],
  ])('%d MiB', (reserved, message) => {
    const judgement = judgeReservation({ bytes: reserved * M, cmaBytes: 0 }, need(G / 4096));
    if (message) expect(judgement).toMatch(message);
    else expect(judgement).toBeUndefined();
  });
});

describe('the lines of a reservation', () => {
  const linesOf = (more: object = {}) => {
    const found = reservation({ layout: 'lean', spanPages: G / 4096, physical: false, ...more });
    const reserved = { bytes: 0, loadBytes: 0, cmaBytes: 0 };
    const cpus = { count: 1, why: 'the machine has no other' };
    return estimateText({
      reserved,
      reservation: found,
      cpus,
      layouts: [{ layout: 'lean', ...found }],
    }).split('\n');
  };

  test('name each term, and the margin that makes up the default', () => {
    const lines = linesOf();
    expect(lines[0]).toBe('lean: crashkernel=96M (at least 80M)');
    expect(lines.slice(1).map(line => line.trim().split(' ')[0])).toEqual(['67M', '20M']);
    expect(lines[2]).toMatch(/begins where 22M are available/);
  });

  test('say what makes 128M of a need that is smaller', () => {
    const lines = linesOf({ layout: 'self-contained', imageBytes: 21_400_000 });
    expect(lines.slice(1).map(line => line.trim().split(' ')[0])).toEqual(['98M', '8M', '16M']);
    expect(lines[3]).toMatch(/up to 128M, what Debian’s kdump-tools reserve/);
  });

  test('have no margin where memory is lent, which makes up for it', () => {
    const image = { imageBytes: 33_200_000, unpackedKernelBytes: 60.2 * M };
    const lent = linesOf({ layout: 'self-contained', lendingRamBytes: 4 * G, ...image }).join(' ');
    expect(lent).toMatch(/are lent/);
    expect(lent).not.toMatch(/on top by default/);
  });
});

describe('a reservation of which a part is lent until the crash', () => {
  const image = { unpackedKernelBytes: 60.2 * M, imageBytes: 33_200_000, kernelBytes: 38.3 * M };
  const need = (lendingRamBytes: number | undefined, more: object = {}) =>
    reservation({
      layout: 'self-contained',
      spanPages: G / 4096,
      physical: false,
      ...image,
      lendingRamBytes,
      ...more,
    });

  test('keeps what kexec loads for the crash kernel alone, and lends at least what is then missing', () => {
    expect(need(4 * G).lending).toEqual({ plainBytes: 112 * M, cmaBytes: 128 * M });
    expect(need(4 * G, { physical: true }).lending).toEqual({ plainBytes: 112 * M, cmaBytes: 160 * M });
  });

  test('the word for what is lent comes first: of a kernel that cannot read it, the last word counts', () =>
    expect(advisedValues(need(4 * G))).toEqual(['128M,cma', '112M']));

  test.each([
    ['on a kernel that does not lend', need(undefined)],
    ['on a machine of which it would be more than a quarter', need(511 * M)],
    ['where the size of the kernel is not known', need(4 * G, { unpackedKernelBytes: undefined })],
    ['where nothing would be won', need(4 * G, { unpackedKernelBytes: 160 * M })],
  ])('does not exist %s', (_, found) => {
    expect(found.lending).toBeUndefined();
    expect(advisedValues(found)).toEqual(['144M']);
  });

  test('its cost is in words', () =>
    expect(lendingCost(need(4 * G), need(4 * G).lending!)).toMatch(
      /^128M are lent .*waits 10 s.*144M, put `crashkernel_cma never`/,
    ));

  test.each([
    [{ bytes: 96 * M, cmaBytes: 144 * M }, undefined],
    [{ bytes: 96 * M, cmaBytes: 16 * M }, /^96M and 16M,cma are reserved, and at least 144M are needed/],
    // Lent memory is nobody's loss.
    [{ bytes: 96 * M, cmaBytes: 4 * G }, undefined],
  ])('%j is judged by its sum', (parts, message) => {
    const judgement = judgeReservation(parts, need(4 * G));
    if (message) expect(judgement).toMatch(message);
    else expect(judgement).toBeUndefined();
  });

  test('what kexec loads must be in one piece', () => {
    expect(shortageOf({ loadBytes: 96 * M }, need(4 * G))).toBeUndefined();
    expect(shortageOf({ loadBytes: 80 * M }, need(4 * G))).toBe(
      'the unpacked kernel and the initrd take 96M in one piece, and the reservation has 80M',
    );
  });

  const facts = { cma: 'reserved', isImage: false, wanted: 'auto', dumpLevel: 31 } as const;
  test.each([
    ['all classes that can be lent are left out', {}, true],
    ['user pages are kept', { dumpLevel: 31 - 8 }, false],
    ['private cache is kept', { dumpLevel: 31 - 4 }, false],
    ['zero and free pages are kept', { dumpLevel: 14 }, true],
    ['the config says never', { wanted: 'never' as const }, false],
    ['an image, which may boot a small machine', { isImage: true }, false],
    ['the kernel only leaves the word aside', { cma: 'ignored' as const }, false],
  ])('%s', (_, more, expected) => expect(lends({ ...facts, ...more })).toBe(expected));
});

describe('which crashkernel= it becomes', () => {
  const facts = {
    reservation: reservation({ layout: 'self-contained', spanPages: G / 4096, physical: false }),
    reading: { systemRamBytes: 4 * G, cma: 'reserved' as const },
    configured: [],
  };
  const kept = 'which was there already and is kept';
  test.each([
    ['nothing there', {}, ['128M'], 'computed for this machine'],
    ['enough there', { configured: ['256M'] }, ['256M'], kept],
    ['a range, enough', { configured: ['384M-:160M'] }, ['384M-:160M'], kept],
    ['two words', { configured: ['512M,high', '72M,low'] }, ['512M,high', '72M,low'], kept],
    ['CMA beside enough', { configured: ['256M', '128M,cma'] }, ['256M', '128M,cma'], kept],
    [
      'what the kernel cannot read is replaced',
      { configured: ['auto'] },
      ['128M'],
      'because the kernel reserves nothing for crashkernel=auto: it begins with no size, instead of crashkernel=auto',
    ],
    [
      'a letter too many',
      { configured: ['256MB'] },
      ['128M'],
      'because the kernel reserves nothing for crashkernel=256MB: the kernel stops at "B", instead of crashkernel=256MB',
    ],
    [
      'CMA alone',
      { configured: ['512M,cma'] },
      ['128M'],
      'because the kernel reserves nothing for crashkernel=512M,cma: it only adds to a reservation, and there is no other word, instead of crashkernel=512M,cma',
    ],
    [
      'CMA does not stand in for the plain part',
      { configured: ['64M', '512M,cma'] },
      ['128M'],
      'because at least 112M beside what is lent are needed, instead of crashkernel=64M crashkernel=512M,cma',
    ],
    [
      'too little beside what is lent',
      {
        configured: ['64M', '512M,cma'],
        reservation: reservation({
          layout: 'self-contained',
          spanPages: G / 4096,
          physical: false,
          unpackedKernelBytes: 60 * M,
        }),
      },
      ['128M'],
      'because at least 85M beside what is lent are needed, instead of crashkernel=64M crashkernel=512M,cma',
    ],
    [
      'too little there',
      { configured: ['384M-:80M'] },
      ['128M'],
      'because at least 112M are needed, instead of crashkernel=384M-:80M',
    ],
    ['asked', { asked: ['128M'], configured: ['256M'] }, ['128M'], 'as asked, instead of crashkernel=256M'],
    ['asked for what is there', { asked: ['256M'], configured: ['256M'] }, ['256M'], 'as asked'],
    [
      'auto',
      { asked: 'auto' as const, configured: ['512M'] },
      ['128M'],
      'computed for this machine, instead of crashkernel=512M',
    ],
  ])('%s', (_, more, values, why) =>
    expect(chooseCrashkernel({ ...facts, ...more })).toEqual({ values, why }),
  );
});

const MEMINFO = `MemTotal:        8000000 kB
MemFree:         2000000 kB
Buffers:          100000 kB
Cached:          3000000 kB
SwapCached:        50000 kB
AnonPages:       1000000 kB
HugePages_Total:      10
Hugepagesize:       2048 kB
`;
const ZONEINFO = `Node 0, zone      DMA
  pages free     3840
        spanned  4095
        present  3998
        managed  3840
  start_pfn:           1
Node 0, zone   Normal
        spanned  2000000
        present  2000000
        managed  1990000
  start_pfn:           1048576
`;

/** AT_PAGESZ and AT_NULL. */
function auxv(pageBytes: bigint): string {
  const vector = Buffer.alloc(32);
  vector.writeBigUInt64LE(6n, 0);
  vector.writeBigUInt64LE(pageBytes, 8);
  return vector.toString('latin1');
}

test('a kernel with large pages needs more, and says why', () => {
  const needs = (pageBytes: number) =>
    reservation({ layout: 'self-contained', spanPages: 1, physical: false, pageBytes });
  expect(needs(16384).leastBytes).toBe(needs(4096).leastBytes + 32 * 2 ** 20);
  expect(needs(65536).terms.at(-1)).toEqual({ bytes: 112 * 2 ** 20, why: 'pages of 64 KiB, an allowance' });
});

test.each([4096, 16384, 65536])('zones are counted in the kernel’s own pages of %d bytes', pageBytes => {
  const files = { '/proc/zoneinfo': ZONEINFO, '/proc/self/auxv': auxv(BigInt(pageBytes)) };
  expect(memoryUse(hostWith(files)).totalBytes).toBe(2003998 * pageBytes);
});

test('what memory is used for, and what of it a dump keeps', () => {
  const use = memoryUse(hostWith({ '/proc/meminfo': MEMINFO, '/proc/zoneinfo': ZONEINFO }));
  expect(use).toEqual({
    totalBytes: 2003998 * 4096,
    spanPages: 3048576,
    freeBytes: 2000000 * 1024,
    cacheBytes: 3150000 * 1024,
    userBytes: (1000000 + 20480) * 1024,
  });
  const kept = (level: number) => estimateDump(use, level).keptBytes;
  expect(kept(0)).toBe(use.totalBytes);
  expect(kept(16)).toBe(use.totalBytes - use.freeBytes);
  expect(kept(31)).toBe(use.totalBytes - use.freeBytes - use.cacheBytes - use.userBytes);
  expect(estimateDump({ ...use, freeBytes: 1e15 }, 31).keptBytes).toBe(0);
});

test('this machine’s own /proc is read', async () => {
  const { openHost } = await import('../../../../scripts/lib/host/host.ts');
  const use = memoryUse(openHost());
  expect(use.totalBytes).toBeGreaterThan(use.freeBytes);
  expect(use.spanPages * 4096).toBeGreaterThanOrEqual(use.totalBytes);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [16_619_053, '16.6 MB'],
  [364e6, '364 MB'],
  [2.5e15, '2500 TB'],
])('%d bytes', (bytes, text) => expect(describeBytes(bytes)).toBe(text));

describe('the size of the running kernel', () => {
  const IOMEM = `00001000-0009fbff : System RAM
00100000-3fffffff : System RAM
  01000000-01dfffff : Kernel code
  01e00000-0261ffff : Kernel rodata
  02800000-02a3ffff : Kernel data
  02d00000-0324ffff : Kernel bss
  2a000000-35ffffff : Crash kernel
`;
  test('is that of its four parts', () => {
    expect(kernelBytes(hostWith({ '/proc/iomem': IOMEM }))).toBe(0xe00000 + 0x820000 + 0x240000 + 0x550000);
  });
  test('is not known to whoever is not root', () => {
    const hidden = IOMEM.replaceAll(/[0-9a-f]{8}/g, '00000000');
    expect(kernelBytes(hostWith({ '/proc/iomem': hidden }))).toBeUndefined();
    expect(kernelBytes(hostWith({}))).toBeUndefined();
  });
});
