import { expect, test } from 'vitest';
import { DEFAULT_MACHINE, MACHINE_OPTIONS, readMachineOptions } from '../../../../qemu/lab/options.ts';
import type { Given } from '../../../../scripts/lib/cli/command.ts';

function machine(given: Readonly<Record<string, string>>) {
  const defaults = Object.entries(MACHINE_OPTIONS).map(([name, facts]) => [
    name,
    'default' in facts ? facts.default : 'repeatable' in facts ? [] : undefined,
  ]);
  return readMachineOptions({
    ...Object.fromEntries(defaults),
    ...given,
    positionals: [],
  } as unknown as Given<typeof MACHINE_OPTIONS>);
}

test('without options it is the default machine', () => {
  expect(machine({})).toMatchObject({ kernel: { series: '6.1', flavour: 'cloud' }, memoryMib: 1024 });
  expect(DEFAULT_MACHINE.trigger.name).toBe('sysrq-c');
});

test.each([
  ['6.12', { series: '6.12', flavour: 'cloud' }],
  ['7.x-generic', { series: '7.x', flavour: 'generic' }],
  ['6.12-cloud-arm64', { series: '6.12', flavour: 'cloud', architecture: 'arm64' }],
  ['7.x-16k-arm64', { series: '7.x', flavour: '16k', architecture: 'arm64' }],
  [import.meta.filename, { path: import.meta.filename }],
])('--kernel %s', (kernel, wanted) => expect(machine({ kernel }).kernel).toMatchObject(wanted));

test.each([
  [
    { kernel: '6.2' },
    'its value is "6.2"; expected 5.10, 6.1, 6.12 or 7.x, with -cloud, -generic or -16k, or the path',
  ],
  [
    { kernel: '/nowhere/linux' },
    "Cannot use --kernel: there is no /nowhere/linux; expected the path of a kernel's image",
  ],
  [{ kernel: '6.12-16k' }, 'expected with pages of 16 KiB --arch arm64: other architectures have none'],
  [{ kernel: '6.12-cloud-amd64', arch: 'arm64' }, 'expected a kernel of arm64, as --arch says'],
  [{ modules: '/lib/modules' }, 'expected your own kernel, as --kernel PATH'],
  [{ trigger: 'hard-lockup' }, 'an emulated CPU has none'],
  [{ 'capture-kernel': '6.2' }, 'Cannot use --capture-kernel: its value is "6.2"'],
  [{ disk: '4096' }, 'expected the path of a system image; a size is --disk-size'],
  [{ disk: import.meta.filename, fs: 'xfs' }, 'no --fs with --disk: the image has its own'],
  [{ trigger: 'no-such' }, 'expected one of sysrq-c, '],
])('%j is refused with what would do', (given, message) => {
  expect(() => machine(given as Record<string, string>)).toThrow(message);
});

test('--disk brings its own kernel, unless another is named', () => {
  const disk = import.meta.filename;
  expect(machine({ disk })).toMatchObject({
    disk,
    kernel: { path: disk, inImage: true },
    deadlineSeconds: 1800,
  });
  expect(machine({}).deadlineSeconds).toBe(600);
  expect(machine({ disk, kernel: '6.12' }).kernel).toEqual({ series: '6.12', flavour: 'cloud' });
});

test('one kernel crashes and another captures, whose modules may be in the same place', () => {
  const path = import.meta.filename;
  expect(machine({ kernel: path, 'capture-kernel': '6.12' })).toMatchObject({
    kernel: { path },
    captureKernel: { series: '6.12' },
  });
  const captureKernel = machine({ 'capture-kernel': path, modules: 'out' }).captureKernel;
  expect(captureKernel).toMatchObject({ path, modules: 'out' });
});

test('--crash-command is a trigger of the user’s own', () => {
  expect(machine({ 'crash-command': 'echo b > /proc/sysrq-trigger' }).trigger).toMatchObject({
    name: 'own',
    command: 'echo b > /proc/sysrq-trigger',
  });
});
