/** What the lab reads from a Debian guest: answers of its agent, stations of a crash, traces of a removed program. */
import { describe, expect, test } from 'vitest';
import { parseAnswer } from '../../../qemu/debian/agent.ts';
import { crashTimes } from '../../../qemu/debian/crash.ts';
import { captureTable } from '../../../qemu/debian/table.ts';
import { traces } from '../../../qemu/debian/traces.ts';

describe('the agent', () => {
  test.each([
    ['lab-agent: ready 0f-1e', 'ready'],
    ['garbage of the boot loaderlab-agent: ready 0f-1e', 'ready'],
    ['lab-agent: 7 0 aGVsbG8K', { id: 7, exitCode: 0, output: 'hello\n' }],
    ['lab-agent: 8 127 ', { id: 8, exitCode: 127, output: '' }],
    ['lab-agent: 8 127 a*b', undefined],
    ['[    1.0] a kernel line', undefined],
  ])('%s', (line, answer) => expect(parseAnswer(line)).toEqual(answer));
});

describe('the stations of a crash', () => {
  const lines = (...texts: string[]) => texts.map((text, index) => ({ text, atSeconds: 10 * (index + 1) }));
  const panic = 'Kernel panic - not syncing: sysrq triggered crash';
  const banner = 'Debian GNU/Linux 12 debian ttyS0';

  test('all of them, since the panic', () => {
    const restart = 'reboot: Restarting system';
    const texts = [banner, panic, 'Linux version 6.1', 'x', restart, 'Linux version 6.1', banner];
    expect(crashTimes(lines(...texts))).toEqual({ captureKernel: 10, reboot: 30, login: 50 });
  });

  test('a silent reboot is recognized by the next boot', () => {
    const texts = [panic, 'Linux version 6.1', 'x', 'Linux version 6.1', banner];
    expect(crashTimes(lines(...texts))).toEqual({ captureKernel: 10, reboot: 30, login: 40 });
  });

  test('a machine that captured nothing reboots once', () => {
    expect(crashTimes(lines(panic, 'Linux version 6.1', banner))).toEqual({ captureKernel: 10 });
  });

  test('without a panic there are none', () => {
    expect(crashTimes(lines('Linux version 6.1', banner))).toEqual({});
  });
});

test('a trace is a file that no package owns and that machines do not write all the time', () => {
  const list = (files: string[], owned: string[] = []) => ({ files: new Set(files), owned: new Set(owned) });
  const before = list(['/etc/passwd']);
  const after = list(
    [
      '/etc/passwd',
      '/etc/default/grub.d/left.cfg',
      '/boot/initramfs-6.1kdump.img',
      '/boot/initrd.img-6.12',
      '/usr/lib/modules/6.12/modules.dep',
      '/usr/lib/modules/6.12/kernel/x.ko',
      '/var/log/dpkg.log',
      '/var/logbook',
    ],
    ['/lib/modules/6.12/kernel/x.ko'],
  );
  expect(traces(before, after)).toEqual([
    '/etc/default/grub.d/left.cfg',
    '/boot/initramfs-6.1kdump.img',
    '/var/logbook',
  ]);
});

test('the table has a column for each capture', () => {
  const capture = {
    kernel: '6.1.0-1-cloud-amd64',
    times: { captureKernel: 1.5, reboot: 21.5, login: 60 },
    dumpBytes: 16e6,
    initrdBytes: 44e6,
    crashkernelMib: 192,
  };
  const table = captureTable([
    { name: 'a', captures: [capture, { ...capture, times: {} }] },
    { name: 'b', captures: [] },
  ]);
  expect(table).toMatch(/^\s+a +a$/m);
  expect(table).toMatch(/capture kernel to reboot +20\.0 s +-$/m);
  expect(table).toMatch(/reserved +192 MiB +192 MiB$/m);
});
