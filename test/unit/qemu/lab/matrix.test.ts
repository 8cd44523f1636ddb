import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CODEC_NAMES } from '../../../../capture/codecs/table.ts';
import { LAYOUTS } from '../../../../qemu/disks/boot-disk.ts';
import { BUSES } from '../../../../qemu/disks/buses.ts';
import { LAB_FILE_SYSTEMS } from '../../../../qemu/disks/file-systems.ts';
import { FAULTS } from '../../../../qemu/faults/all.ts';
import { GEOMETRIES } from '../../../../qemu/geometry/all.ts';
import { misfitOn, possibleOn } from '../../../../qemu/kernel/misfit.ts';
import { CELL_AXES, type Cell, type CellAxis, CRASH_OPTIONS, planCell } from '../../../../qemu/lab/cell.ts';
import { MATRICES, planMatrix } from '../../../../qemu/lab/matrix.ts';
import { debianKernelNamed, defaultsOf } from '../../../../qemu/lab/options.ts';
import type { Trigger } from '../../../../qemu/triggers/trigger.ts';
import { TRIGGERS } from '../../../../qemu/triggers/triggers.ts';

const USUAL = defaultsOf(CRASH_OPTIONS);
const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-matrix-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, 'matrix.json');
  writeFileSync(path, text);
  return path;
}

test.each(names(MATRICES))('the crashes of %s can be planned, and each has a title of its own', name => {
  const cells = planMatrix(name, USUAL);
  expect(new Set(cells.map(({ title }) => title)).size).toBe(cells.length);
  expect(cells.length).toBeGreaterThan(8);
});

test('a matrix along one axis keeps the other options', () => {
  const cells = planMatrix('triggers', { ...USUAL, fault: 'lean', cpus: '4' });
  expect(cells).toHaveLength(TRIGGERS.length);
  expect(cells.every(({ fault, choice }) => fault.name === 'lean' && choice.cpus === 4)).toBe(true);
});

describe('the smoke matrix', () => {
  const cells = planMatrix('smoke', USUAL);

  test('makes every class of crash that the triggers know', () => {
    const classesOf = (triggers: readonly Trigger[]) =>
      new Set(triggers.flatMap(({ report }) => report?.class ?? []));
    const made = classesOf(cells.map(({ choice }) => choice.trigger));
    const known = classesOf(TRIGGERS);
    expect([...known].filter(name => !made.has(name))).toEqual([]);
    expect(known.size).toBeGreaterThan(18);
  });

  test('touches each axis', () => {
    const touched = new Set(cells.flatMap(({ cell }) => Object.keys(cell)));
    // Another architecture takes a quarter of an hour. A size of the reservation is in the fault fast-machine and in geometries.
    const untouched = CELL_AXES.filter(axis => !touched.has(axis));
    expect(untouched).toEqual(['arch', 'crashkernel', 'crash-option']);
    const kernels = new Set(cells.map(({ cell }) => cell.kernel));
    expect([...kernels].sort()).toEqual([
      '5.10-cloud',
      '6.1-cloud',
      '6.12-cloud',
      '7.x-cloud',
      '7.x-generic',
    ]);
  });
});

describe('the full matrix', () => {
  const cells = planMatrix('full', USUAL).map(({ cell }) => cell);
  const met = (wanted: Cell) =>
    cells.some(cell => Object.entries(wanted).every(([axis, value]) => valueIn(cell, axis) === value));
  const valueIn = (cell: Cell, axis: string) =>
    cell[axis as CellAxis] ??
    CRASH_OPTIONS[axis as 'bus' | 'fs' | 'layout' | 'trigger' | 'fault' | 'geometry'].default;

  test('has every trigger on two kernels at least, or on the ones that can have it', () => {
    const clouds = ['6.1-cloud', '6.12-cloud', '7.x-cloud'];
    const short = TRIGGERS.filter(row => {
      const { name: trigger } = row;
      const possible = clouds.filter(
        kernel => !misfitOn({ ...debianKernelNamed(kernel), architecture: 'amd64' }, [row]),
      );
      return possible.filter(kernel => met({ kernel, trigger })).length < Math.min(2, possible.length);
    });
    expect(names(short)).toEqual([]);
  });

  test('lets no trigger run on a second CPU that is not there', () => {
    const alone = cells.filter(({ cpus, trigger }) => cpus === '1' && trigger !== undefined);
    expect(alone).toEqual([]);
  });

  test('has every fault and every geometry', () => {
    expect(names(FAULTS).filter(fault => !met({ fault }))).toEqual([]);
    const possible = GEOMETRIES.filter(possibleOn('amd64'));
    expect(names(possible).filter(geometry => !met({ geometry }))).toEqual([]);
  });

  test('has a fault that is about the kernel on each of the cloud kernels', () => {
    const about = names(FAULTS.filter(({ isAboutKernel }) => isAboutKernel));
    expect(about).toEqual(['guest-view']);
    for (const fault of about)
      for (const kernel of ['6.1-cloud', '6.12-cloud', '7.x-cloud'])
        expect(met({ fault, kernel })).toBe(true);
  });

  test('has every kernel of Debian’s that the lab knows best, and both page-table depths', () => {
    const kernels = ['5.10-cloud', '6.1-generic', '6.12-generic', '7.x-generic'];
    expect(kernels.filter(kernel => !met({ kernel }))).toEqual([]);
    expect(['nokaslr', 'no5lvl'].filter(word => !met({ 'kernel-option': word }))).toEqual([]);
    expect(['1', '3', '4'].filter(cpus => !met({ cpus }))).toEqual([]);
    expect(met({ nodes: '2' })).toBe(true);
    expect(['0', '17'].filter(level => !met({ level }))).toEqual([]);
  });

  test('has each two of bus, file system, layout, level and codec', () => {
    const axes = {
      bus: names(BUSES),
      fs: names(LAB_FILE_SYSTEMS),
      layout: LAYOUTS,
      level: ['1', '31'],
      codec: CODEC_NAMES,
    };
    const entries = Object.entries(axes);
    const pairs = entries.flatMap(([one, values], at) =>
      entries
        .slice(at + 1)
        .flatMap(([other, others]) =>
          values.flatMap(a => others.map((b): Cell => ({ [one]: a, [other]: b }))),
        ),
    );
    // Options that are not given have no value for the level and the codec.
    const dumps = cells.filter(cell => cell.level !== undefined);
    const meets = (pair: Cell) =>
      dumps.some(cell => Object.entries(pair).every(([axis, value]) => valueIn(cell, axis) === value));
    expect(pairs).toHaveLength(114);
    expect(pairs.filter(pair => !meets(pair))).toEqual([]);
  });

  test('has no AHCI disk on a kernel without the driver', () => {
    const without = cells.filter(({ bus, kernel }) => bus === 'ahci' && /^(5\.10|6\.1)-cloud/.test(kernel));
    expect(without).toEqual([]);
  });
});

test('a file’s crashes are completed by the options', () => {
  const path = file('[{"kernel": "6.12"}, {"trigger": "null", "cpus": 4, "raw": true}]');
  const planned = planMatrix(path, { ...USUAL, geometry: 'uefi' });
  expect(planned.map(({ title }) => title)).toEqual(['6.12-cloud uefi', '6.1-cloud null uefi cpus=4 raw']);
  expect(planned[1]!.choice).toMatchObject({ cpus: 4, raw: true, geometry: { name: 'uefi' } });
});

test.each([
  ['{}', 'it is no list of crashes'],
  ['[]', 'it is no list of crashes'],
  ['[', 'JSON'],
  ['[{"trigger": "no-such"}]', 'in its item 1: Cannot use --trigger: its value is "no-such"'],
  ['[{}, {"speed": "9"}]', 'its item 2 has speed "9"'],
  ['[{"cpus": 9}]', 'in its item 1: Cannot use --cpus: its value is "9"'],
  ['[{"level": 32}]', 'expected a whole number from 0 to 31'],
  ['[{"codec": "gzip"}]', 'expected one of zstd'],
  ['[{"nodes": 5}]', 'expected a whole number from 1 to 4'],
  ['[{"raw": true, "fault": "throw-in-dump"}]', 'has a capture program of its own'],
])('the file %s is refused with what is wrong', (text, message) => {
  expect(() => planMatrix(file(text), USUAL)).toThrow(message);
});

test.each(['5.10-cloud', '6.1-generic', '6.12-generic', '7.x-generic'])(
  'the guest’s view is compared on %s when that is asked for, on both architectures where there',
  kernel => {
    expect(planCell({ fault: 'guest-view', kernel }, USUAL).title).toBe(`${kernel} guest-view`);
  },
);

test('the guest’s view of an arm64 machine', () => {
  const titles = ['6.12-cloud', '7.x-cloud', '6.12-16k'].map(
    kernel => planCell({ fault: 'guest-view', kernel }, { ...USUAL, arch: 'arm64' }).title,
  );
  expect(titles).toEqual([
    '6.12-cloud guest-view arch=arm64',
    '7.x-cloud guest-view arch=arm64',
    '6.12-16k guest-view arch=arm64',
  ]);
});

test('a crash that its kernel cannot have is made on one that can, and its title says so', () => {
  const titles = (cell: Cell) => planCell(cell, USUAL).title;
  expect(titles({ trigger: 'kfence' })).toBe('6.12-cloud kfence');
  expect(titles({ geometry: 'poisoned', kernel: '6.1' })).toBe('6.12-cloud poisoned');
  expect(titles({ geometry: 'poisoned', kernel: '6.1-generic' })).toBe('6.1-generic poisoned');
  expect(titles({ fault: 'on-ahci' })).toBe('6.1-generic on-ahci');
});

describe('a matrix of another architecture', () => {
  const given = { ...USUAL, arch: 'arm64' };

  test.each(names(MATRICES))('%s leaves out what it cannot have', name => {
    const { length } = planMatrix(name, USUAL);
    const cells = planMatrix(name, given);
    expect(cells.length).toBeGreaterThan(5);
    expect(cells.length).toBeLessThan(length);
    expect(cells.every(({ choice }) => choice.architecture === 'arm64')).toBe(true);
  });

  test('the full one has every fault, trigger and geometry that it can have', () => {
    const cells = planMatrix('full', given);
    const isPossible = possibleOn('arm64');
    const made = {
      faults: new Set(cells.map(({ fault }) => fault.name)),
      triggers: new Set(cells.map(({ choice }) => choice.trigger.name)),
      geometries: new Set(cells.map(({ choice }) => choice.geometry.name)),
    };
    expect(names(FAULTS.filter(isPossible)).filter(name => !made.faults.has(name))).toEqual([]);
    expect(names(TRIGGERS.filter(isPossible)).filter(name => !made.triggers.has(name))).toEqual([]);
    expect(names(GEOMETRIES.filter(isPossible)).filter(name => !made.geometries.has(name))).toEqual([]);
    expect([...made.geometries]).toContain('uefi-dtb');
  });

  test('a crash that it cannot have is refused with the reason', () => {
    expect(() => planCell({ trigger: 'nmi' }, given)).toThrow(
      'its value is "nmi"; expected another trigger on arm64: Debian builds the kernels without NMIs',
    );
    expect(() => planCell({ geometry: 'uefi-dtb' }, USUAL)).toThrow('have no device trees');
  });

  test('a crash that its kernel cannot have is made on one that can', () => {
    const titles = (cell: Cell) => planCell(cell, given).title;
    expect(titles({ trigger: 'kfence' })).toBe('6.12-cloud kfence arch=arm64');
    expect(titles({ trigger: 'sleep-in-atomic', kernel: '6.12' })).toBe(
      '7.x-cloud sleep-in-atomic arch=arm64',
    );
    expect(planCell({ trigger: 'sleep-in-atomic', kernel: '6.12' }, USUAL).title).toBe(
      '6.12-cloud sleep-in-atomic',
    );
    expect(planCell({ trigger: 'kfence', kernel: '6.1-cloud-arm64' }, USUAL).title).toBe(
      '6.12-cloud-arm64 kfence',
    );
  });
});

test('a kernel that was asked for and is not the one that crashes is named', () => {
  const insteadOf = (cell: Cell, given = USUAL) => planCell(cell, given).insteadOf;
  expect(insteadOf({ fault: 'full-incomplete', kernel: '6.12-cloud' })).toBe('6.12-cloud');
  expect(insteadOf({ fault: 'full-incomplete' }, { ...USUAL, kernel: '7.x' })).toBe('7.x-cloud');
  expect(insteadOf({ fault: 'full-incomplete', kernel: '6.1-cloud' })).toBeUndefined();
  // Nobody asked for a kernel.
  expect(insteadOf({ fault: 'on-ahci' })).toBeUndefined();
});

test('a title has what is unusual, and the trigger where nothing is', () => {
  const titles = (cell: Cell, given = USUAL) => planCell(cell, given).title;
  expect(titles({})).toBe('6.1-cloud sysrq-c');
  // A command line leaves out what is not given.
  const { raw: _, level: __, ...given } = USUAL;
  expect(titles({}, given as typeof USUAL)).toBe('6.1-cloud sysrq-c');
  expect(titles({ 'kernel-option': 'nokaslr crashkernel=72M,low' }, { ...USUAL, memory: '512' })).toBe(
    '6.1-cloud memory=512 nokaslr crashkernel=72M,low',
  );
  expect(titles({}, { ...USUAL, 'crash-command': 'reboot -f' })).toBe('6.1-cloud own');
  expect(titles({ trigger: 'null' }, { ...USUAL, 'crash-command': 'reboot -f' })).toBe('6.1-cloud null');
});
