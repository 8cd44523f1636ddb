/** All `crashkernel=` words of a command line together, as kernel/crash_reserve.c reads them. */
import { describe, expect, test } from 'vitest';
import {
  type CmaSupport,
  haveSameEffect,
  readCrashkernel,
} from '../../../../scripts/lib/crashkernel/reading.ts';
import { readingFacts } from '../../../../scripts/lib/estimate/reading-facts.ts';
import { hostWith } from '../../../support/host-root.ts';

const M = 2 ** 20;
const G = 2 ** 30;

const read = (words: string, systemRamBytes: number, cma: CmaSupport = 'reserved') =>
  readCrashkernel(words === '' ? [] : words.split(' '), { systemRamBytes, cma });

describe('what is reserved', () => {
  test.each([
    ['192M', G, 192 * M],
    ['0x10000000', G, 256 * M],
    ['01000M', G, 512 * M],
    ['256M@16M', G, 256 * M],
    ['1G', 8 * G, G],
    ['262144K', G, 256 * M],
    ['256m', G, 256 * M],
    ['64M 192M', G, 192 * M],
    // Debian's
    ['384M-:128M', 384 * M, 128 * M],
    ['384M-:128M', 384 * M - 1, 128 * M],
    // Fedora's and COS's
    ['2G-64G:256M,64G-:512M', 64 * G - 128 * M, 256 * M],
    ['2G-64G:256M,64G-:512M', 64 * G - 1, 512 * M],
    ['0M-8G:64M,8G-32G:128M,32G-128G:256M,128G-:512M', 16 * G, 128 * M],
    ['2G-:256M@16M', 4 * G, 256 * M],
    // A 2 GiB guest, whose firmware takes some of it.
    ['2G-64G:256M,64G-:512M', 2 * G - 100 * M, 256 * M],
    // A plain word counts before one with a suffix, wherever it stands.
    ['256M 512M,high', 4 * G, 256 * M],
    ['512M,high 256M', 4 * G, 256 * M],
  ])('%s on %d bytes', (words, ram, bytes) =>
    expect(read(words, ram)).toEqual({ kind: 'reserved', bytes, cmaBytes: 0 }),
  );

  test('high and low together, the last of each', () =>
    expect(read('1G,high 128M,low 512M,high 72M,low', 8 * G)).toEqual({
      kind: 'reserved',
      bytes: 512 * M,
      lowBytes: 72 * M,
      cmaBytes: 0,
    }));

  test('CMA comes on top', () =>
    expect(read('256M 128M,cma', 4 * G)).toEqual({ kind: 'reserved', bytes: 256 * M, cmaBytes: 128 * M }));

  test('nothing at all', () => expect(read('', G)).toEqual({ kind: 'none' }));
});

describe('what the kernel reserves nothing for', () => {
  test.each([
    ['auto', 4 * G],
    ['256MB', 4 * G],
    ['192MM', 4 * G],
    ['192M,foo', 4 * G],
    ['8G-2G:64M', 4 * G],
    ['2G-:', 4 * G],
    ['2G:64M', 4 * G],
    ['2G-64G:256M', G],
    ['0', 4 * G],
    ['4G', 4 * G],
    ['1G-:8G', 4 * G],
    ['512M,cma', 4 * G],
    ['72M,low', 4 * G],
    ['512M,high 72X,low', 4 * G],
    ['x,high', 4 * G],
    // The last plain one counts, also when it cannot be read.
    ['192M auto', 4 * G],
  ])('%s on %d bytes', (words, ram) => expect(read(words, ram).kind).toBe('void'));

  test('a kernel without CMA takes ,cma for a plain word, and cannot read it', () =>
    expect(read('256M 128M,cma', 4 * G, 'unreadable')).toMatchObject({
      kind: 'void',
      value: '128M,cma',
      why: 'the kernel stops at ",cma"',
    }));

  test('where such a kernel is among those that may boot, the plain word still counts if it comes last', () =>
    expect(read('128M,cma 256M', 4 * G, 'unreadable')).toMatchObject({ kind: 'reserved', bytes: 256 * M }));

  test('a kernel that reserves no CMA leaves the word aside', () =>
    expect(read('256M 128M,cma', 4 * G, 'ignored')).toEqual({
      kind: 'reserved',
      bytes: 256 * M,
      cmaBytes: 0,
    }));
});

test.each([
  ['192M', '64M 192M', true],
  ['192M', '192M 512M,high', true],
  ['256M 128M,cma', '128M,cma 256M', true],
  ['256M 128M,cma', '256M', false],
  ['512M,high', '512M,high 72M,low', false],
])('%s and %s have the same effect: %j', (one, other, same) =>
  expect(haveSameEffect(one.split(' '), other.split(' '))).toBe(same),
);

describe('the facts of a machine', () => {
  const IOMEM = `00001000-0009fbff : System RAM
00100000-7ffdbfff : System RAM
  01000000-02209987 : Kernel code
100000000-17fffffff : System RAM
`;
  test('system RAM is what /proc/iomem has at its top level', () =>
    expect(readingFacts(hostWith({ '/proc/iomem': IOMEM }), '6.1.0')).toEqual({
      systemRamBytes: 0x9ec00 + (0x7ffdc000 - 0x100000) + 0x80000000,
      cma: 'unreadable',
    }));

  test('without root its addresses are zeros', () => {
    const hidden = IOMEM.replace(/[0-9a-f]+-[0-9a-f]+ : System/g, '00000000-00000000 : System');
    const host = hostWith({ '/proc/iomem': hidden, '/proc/meminfo': 'MemTotal: 1048576 kB\n' });
    expect(readingFacts(host, '6.1.0').systemRamBytes).toBe(G);
  });

  const CMA = 'CONFIG_X86_64=y\nCONFIG_CMA=y\n';
  test.each([
    ['6.16.9-cloud-amd64', CMA, 'unreadable'],
    ['5.10.0-30-amd64', CMA, 'unreadable'],
    ['6.17.0-1-amd64', CMA, 'reserved'],
    ['7.3.4', CMA, 'reserved'],
    ['7.3.4', 'CONFIG_X86_64=y\n# CONFIG_CMA is not set\n', 'ignored'],
    ['7.3.4-arm64', 'CONFIG_ARM64=y\nCONFIG_CMA=y\n', 'ignored'],
    ['7.3.4', '', 'ignored'],
  ])('%s with the config %j: ,cma is %s', (kver, config, cma) =>
    expect(readingFacts(hostWith({ [`/boot/config-${kver}`]: config }), kver).cma).toBe(cma),
  );
});
