/** How many CPUs the crash kernel gets: by the memory, at most as many as help, and at a default size two in a virtual machine. */
import { describe, expect, test } from 'vitest';
import { MOST_THREADS } from '../../../../capture/threads/cost.ts';
import { hostCpus } from '../../../../scripts/lib/arming/host-reservation.ts';
import { settingsOf } from '../../../../scripts/lib/config/config.ts';
import { chooseCpus, cpusText } from '../../../../scripts/lib/estimate/cpus.ts';
import { reservation } from '../../../../scripts/lib/estimate/reservation.ts';
import { machineCpus, secondCpuObstacle } from '../../../../scripts/lib/host/cpus.ts';
import { ARMED } from '../../../support/armed-machine.ts';
import { type Files, hostWith } from '../../../support/host-root.ts';

const M = 2 ** 20;
const G = 2 ** 30;
const T = 2 ** 40;

type Machine = Partial<Parameters<typeof reservation>[0]>;

function choose(reservedMib: number, machine: Machine = {}, more: object = {}) {
  const spanPages = machine.spanPages ?? G / 4096;
  return chooseCpus({
    reserved: { bytes: reservedMib * M, cmaBytes: 0 },
    reservation: reservation({ layout: 'self-contained', physical: false, ...machine, spanPages }),
    physical: machine.physical ?? false,
    spanPages,
    machineCpus: 8,
    ...more,
  });
}

describe('by the memory', () => {
  const KERNELS: [string, Machine][] = [
    ['a small machine', {}],
    ['a lean one', { layout: 'lean' }],
    ['a large kernel', { kernelBytes: 53 * M, imageBytes: 33_900_000 }],
    ['real hardware', { physical: true, spanPages: (64 * G) / 4096 }],
    ['a terabyte', { spanPages: T / 4096 }],
    ['pages of 64 KiB', { pageBytes: 65536 }],
  ];

  const advisedMib = (machine: Machine) => {
    const spanPages = machine.spanPages ?? G / 4096;
    return reservation({ layout: 'self-contained', physical: false, ...machine, spanPages }).advisedBytes / M;
  };

  test.each(KERNELS)('%s has one CPU with less than `enable` reserves', (_, machine) =>
    expect(choose(advisedMib(machine) - 16, machine).count).toBe(1),
  );

  test.each(KERNELS)(
    '%s has at most two CPUs with what `enable` reserves and a step more, and two with two steps more',
    (_, machine) => {
      const most = machine.physical ? 1 : 2;
      for (const stepMib of [0, 16])
        expect(choose(advisedMib(machine) + stepMib, machine).count).toBeLessThanOrEqual(most);
      expect(choose(advisedMib(machine) + 32, machine).count).toBe(most);
    },
  );

  test('the second CPU comes where there is memory for the autopsy beside the dump', () => {
    // 98 MiB and 8 by default; 3 for the CPU and 14 for the dump.
    expect([122, 123].map(mib => choose(mib).count)).toEqual([1, 2]);
    expect(choose(112)).toMatchObject({ count: 1, nextBytes: 123 * M });
  });

  test.each(KERNELS)('%s has at most four, each from the size on that the one before names', (_, machine) => {
    let mib = 96;
    for (let count = 1; count < MOST_THREADS; count++) {
      const { nextBytes, ...now } = choose(mib, machine);
      expect(now.count).toBe(count);
      mib = Math.ceil(nextBytes! / M);
      expect(choose(mib - 1, machine).count).toBe(count);
      expect(choose(mib, machine).count).toBe(count + 1);
    }
    expect(choose(1 << 20, machine)).toMatchObject({ count: MOST_THREADS });
    expect(choose(1 << 20, machine).nextBytes).toBeUndefined();
  });

  test('a bit for each page of the machine is counted for each thread', () => {
    const [one, two] = [G, T].map(bytes => {
      const machine = { spanPages: bytes / 4096 };
      const third = choose(choose(0, machine).nextBytes! / M, machine).nextBytes! / M;
      return choose(third, machine).nextBytes! / M - third;
    });
    expect(two! - one!).toBeCloseTo(32, 0);
  });

  test('what is lent counts, and so does what it has beside a capture’s need', () => {
    const machine = {
      unpackedKernelBytes: 60.2 * M,
      imageBytes: 33_200_000,
      kernelBytes: 38.3 * M,
      lendingRamBytes: 4 * G,
    };
    const lent = (cmaMib: number) =>
      choose(0, machine, { reserved: { bytes: 112 * M, cmaBytes: cmaMib * M } }).count;
    // The default of this machine.
    expect(lent(128)).toBe(1);
    expect(lent(160)).toBe(2);
    expect(lent(256)).toBe(4);
  });
});

test.each([
  [1, 'the machine has no other', 1],
  [2, 'all that the machine has', 2],
  [3, 'all that the machine has', 3],
  [64, 'more would not make a capture faster', 4],
])('a machine of %i CPUs', (cpus, why, count) =>
  expect(choose(1024, {}, { machineCpus: cpus })).toEqual({ count, why }),
);

describe('what the administrator asks for goes before', () => {
  test.each([
    ['nr_cpus=2', [], 2],
    ['nr_cpus=1', [], 1],
    ['nr_cpus=64', [], 8],
    ['nr_cpus=0', [], 8],
    ['maxcpus=4', [], 1],
    ['', ['nr_cpus'], 8],
    ['', ['nr_*'], 8],
  ])('append %s, remove %j', (append, remove, count) => {
    for (const mib of [160, 1024]) {
      const changes = { append: append === '' ? [] : ['quiet', append], remove };
      expect(choose(mib, {}, { changes, obstacle: 'x' }).count).toBe(count);
    }
  });

  test('and is named', () =>
    expect(cpusText(choose(160, {}, { changes: { append: ['nr_cpus=2'], remove: [] } }))).toBe(
      '2 CPUs (by `command_line_append nr_cpus=2`)',
    ));

  test('words about other things leave the choice to us', () =>
    expect(choose(1024, {}, { changes: { append: ['quiet'], remove: ['irqpoll'] } }).count).toBe(4));
});

describe('of a host', () => {
  const CPUINFO = 'flags\t\t: fpu hypervisor lahf_lm\ninitial apicid\t: 0\n';

  test.each([
    ['0', 1],
    ['0-3\n', 4],
    ['0-3,8,10-11', 7],
    ['', 1],
  ])('present: %j', (present, count) =>
    expect(machineCpus(hostWith({ '/sys/devices/system/cpu/present': present }))).toBe(count),
  );

  test.each([
    ['a machine', CPUINFO, undefined],
    ['one that does not say where it boots', 'flags : fpu hypervisor\n', /boots/],
    ['TDX', CPUINFO.replace('fpu', 'fpu tdx_guest'), /encrypted/],
    ['SEV-ES', CPUINFO.replace('fpu', 'fpu sev sev_es'), /encrypted/],
    // A host's CPU has the flag too.
    ['a host of such machines', CPUINFO.replace('fpu', 'sev sev_es').replace('hypervisor', ''), undefined],
  ])('x86: %s', (_, cpuinfo, obstacle) => {
    const found = secondCpuObstacle(hostWith({ '/proc/cpuinfo': cpuinfo }), 'x64');
    if (obstacle) expect(found).toMatch(obstacle);
    else expect(found).toBeUndefined();
  });

  test.each([
    ['a device tree with PSCI', { '/proc/device-tree/psci/': '' }, undefined],
    ['ACPI', { '/sys/firmware/acpi/tables/': '' }, undefined],
    ['neither', { '/proc/device-tree/model': 'x' }, /firmware/],
  ])('arm64: %s', (_, files, obstacle) => {
    const found = secondCpuObstacle(hostWith(files as Files), 'arm64');
    if (obstacle) expect(found).toMatch(obstacle);
    else expect(found).toBeUndefined();
  });

  test('another architecture', () => expect(secondCpuObstacle(hostWith({}), 's390x')).toMatch(/never tried/));

  test.runIf(process.arch === 'x64')('by what this boot reserved', () => {
    const host = (mib: number) =>
      hostWith({
        ...ARMED,
        '/proc/cpuinfo': CPUINFO,
        '/sys/kernel/kexec_crash_size': `${mib << 20}\n`,
        '/sys/devices/system/cpu/present': '0-7\n',
      });
    const none = settingsOf('', 'kdump.conf');
    expect(hostCpus(host(96), none).count).toBe(1);
    expect(hostCpus(host(128), none).count).toBe(2);
    expect(hostCpus(host(320), none).count).toBe(4);
    expect(hostCpus(host(320), settingsOf('command_line_append nr_cpus=2\n', 'kdump.conf')).count).toBe(2);
  });
});
