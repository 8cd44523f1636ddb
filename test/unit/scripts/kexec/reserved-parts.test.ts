import { expect, test } from 'vitest';
import { requireFit } from '../../../../scripts/lib/arming/fit.ts';
import { hostReserved } from '../../../../scripts/lib/arming/host-reservation.ts';
import { readConfig } from '../../../../scripts/lib/config/config.ts';
import { unpackedKernelBytes } from '../../../../scripts/lib/kexec/load-size.ts';
import { ARMED, LENDING } from '../../../support/armed-machine.ts';
import { type Files, hostWith } from '../../../support/host-root.ts';

const M = 2 ** 20;
const G = 2 ** 30;

test.each<[string, Files, object]>([
  [
    'one piece, of which /proc/iomem says nothing',
    ARMED,
    { bytes: 192 * M, loadBytes: 192 * M, cmaBytes: 0 },
  ],
  [
    'addresses that are hidden',
    { ...ARMED, '/proc/iomem': '  00000000-00000000 : Crash kernel\n' },
    { bytes: 192 * M, loadBytes: 192 * M, cmaBytes: 0 },
  ],
  [
    'a piece above 4 GiB, and one below for devices',
    {
      ...ARMED,
      '/sys/kernel/kexec_crash_size': `${264 * M}\n`,
      '/proc/iomem': '  50000000-547fffff : Crash kernel\n  130000000-13bffffff : Crash kernel\n',
    },
    { bytes: 264 * M, loadBytes: 192 * M, cmaBytes: 0 },
  ],
  ['a part that is lent', LENDING, { bytes: 112 * M, loadBytes: 112 * M, cmaBytes: 128 * M }],
  [
    'the kernel lends less than was asked for',
    {
      ...LENDING,
      '/sys/kernel/kexec/crash_cma_ranges': '130000000-133ffffff\n138000000-139ffffff\n',
    },
    { bytes: 112 * M, loadBytes: 112 * M, cmaBytes: 96 * M },
  ],
  [
    'the kernel lends nothing',
    { ...LENDING, '/sys/kernel/kexec/crash_cma_ranges': '' },
    { bytes: 112 * M, loadBytes: 112 * M, cmaBytes: 0 },
  ],
])('%s', (_, files, parts) => expect(hostReserved(hostWith(files))).toEqual(parts));

test('Linux 6.17 does not say what it lends: what was asked for counts', () => {
  const { '/sys/kernel/kexec/crash_cma_ranges': _, ...files } = LENDING;
  expect(hostReserved(hostWith(files)).cmaBytes).toBe(128 * M);
});

test.each<[string, string, number | undefined]>([
  ['a bzImage', LENDING['/boot/vmlinuz-7.2.13-amd64']!, 60.25 * M],
  [
    'an arm64 Image',
    `${'\0'.repeat(16)}\0\0\x90\x02\0\0\0\0${'\0'.repeat(32)}ARM\x64${'\0'.repeat(999)}`,
    41 * M,
  ],
  ['a file of another form', '\0'.repeat(G / M), undefined],
  ['a file that is too short', 'MZ', undefined],
])('the unpacked size of %s', (_, image, bytes) =>
  expect(unpackedKernelBytes(hostWith({ '/boot/vmlinuz': image }), '/boot/vmlinuz')).toBe(bytes),
);

test('a machine without the kernel’s file', () =>
  expect(unpackedKernelBytes(hostWith({}), '/boot/vmlinuz')).toBeUndefined());

test('what does not fit is refused in words, before the kernel does it with a number', () => {
  const host = hostWith({ ...LENDING, '/sys/kernel/kexec_crash_size': `${64 * M}\n`, '/proc/iomem': '' });
  expect(() => requireFit(host, readConfig(host))).toThrow(
    /^Cannot load the crash kernel: the unpacked kernel and the initrd take 65M in one piece, and the reservation has 64M\. Run `kdumpling enable --crashkernel auto` and reboot/,
  );
  const large = hostWith(LENDING);
  expect(() => requireFit(large, readConfig(large))).not.toThrow();
});
