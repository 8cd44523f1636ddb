import { expect, test } from 'vitest';
import { planCommandLine } from '../../../../initrd/command-line.ts';
import { settingsOf } from '../../../../scripts/lib/config/config.ts';
import { hostCommandLine, requireLoadable } from '../../../../scripts/lib/kexec/command-line.ts';
import { hostWith } from '../../../support/host-root.ts';

/** The bytes that a word may have beside those that kdumpling adds. */
const room = 2016 - planCommandLine('x=').text.length;

test.each([
  [room, true],
  [room + 1, false],
])('a word of %i bytes', (length, fits) => {
  const plan = planCommandLine(`x=${'y'.repeat(length)}`);
  expect(plan.text.length <= 2016).toBe(fits);
  if (fits) expect(requireLoadable(plan)).toBe(plan);
  else
    expect(() => requireLoadable(plan)).toThrow(
      'Cannot load the crash kernel: the crash kernel’s command line has 2017 bytes; expected at most 2016. ' +
        'Shorten it in /etc/kdump.conf with `command_line_remove`; its longest words are x',
    );
});

test('the length counts in bytes', () => {
  expect(() => requireLoadable(planCommandLine(`x=${'ä'.repeat(room / 2 + 1)}`))).toThrow(/20\d\d bytes/);
});

test('the config changes the line', () => {
  const host = hostWith({ '/proc/cmdline': 'a b quiet\n' });
  const settings = settingsOf('command_line_append z "y=1 2"\ncommand_line_remove b\n', 'kdump.conf');
  expect(hostCommandLine(host, settings, 1).text).toMatch(/^a irqpoll .* z "y=1 2"$/);
});

test('several CPUs: the first one’s APIC is named, as /proc/cpuinfo has it', () => {
  const cpu = (id: number) => `processor\t: 0\napicid\t\t: 9\ninitial apicid\t: ${id}\n\n`;
  const host = hostWith({ '/proc/cmdline': 'a\n', '/proc/cpuinfo': cpu(3) + cpu(5) });
  const textOf = (config: string, cpus: number) =>
    hostCommandLine(host, settingsOf(config, 'kdump.conf'), cpus).text;
  const asked = textOf('command_line_append nr_cpus=2\n', 1);
  expect(/ disable_cpu_apicid=3( |$)/.test(asked)).toBe(process.arch === 'x64');
  const chosen = textOf('', 4);
  expect(chosen).toContain(' nr_cpus=4 ');
  expect(/ disable_cpu_apicid=3( |$)/.test(chosen)).toBe(process.arch === 'x64');
  expect(textOf('', 1)).not.toContain('disable_cpu_apicid');
});

test.each([
  ['6.12.117-amd64', '', true],
  ['6.1.0-56-amd64', '', false],
  ['6.12.117-amd64', 'layout lean\n', false],
])('with %s and "%s" the line tells the kernel to keep the initrd: %s', (kver, config, expected) => {
  const host = hostWith({ '/proc/cmdline': 'a\n', '/proc/sys/kernel/osrelease': `${kver}\n` });
  const { text } = hostCommandLine(host, settingsOf(config, 'kdump.conf'), 1);
  expect(text.includes(' retain_initrd')).toBe(expected);
});

test.each([
  ['of every disk', { sda: 'none', nvme0n1: 'none' }, true],
  ['of no disk', {}, false],
  ['of one disk', { sda: 'none', sdb: 'T10-DIF-TYPE1-CRC' }, false],
  ['of a disk with metadata that is no T10 PI', { nvme0n1: 'nop' }, false],
  ['of a kernel that does not say it', { sda: undefined }, false],
])(
  'that blocks have no integrity data %s leaves the kernel’s buffers for them out: %o %s',
  (_, disks, isLeftOut) => {
    const files = Object.entries(disks).map(([disk, format]): [string, string] =>
      format === undefined
        ? [`/sys/block/${disk}/size`, '8\n']
        : [`/sys/block/${disk}/integrity/format`, `${format}\n`],
    );
    const host = hostWith({ '/proc/cmdline': 'a\n', ...Object.fromEntries(files) });
    const { text } = hostCommandLine(host, settingsOf('', 'kdump.conf'), 1);
    expect(text.includes(' initcall_blacklist=bio_integrity_initfn')).toBe(isLeftOut);
  },
);

test.each([
  ['00100000-3fffffff : System RAM\n100000000-3fffffffffff : System RAM\n', true],
  ['00100000-3fffffff : System RAM\n3fff00000000-40000fffffff : System RAM\n', false],
  ['3fff00000000-40000fffffff : System RAM (kmem)\n00100000-3fffffff : System RAM\n', false],
  ['00100000-3fffffff : System RAM\n400000000000-4fffffffffff : PCI Bus 0000:00\n', true],
  ['00000000-00000000 : System RAM\n00000000-00000000 : System RAM\n', false],
])('page tables of four levels are for memory that they reach: %j %s', (iomem, expected) => {
  const host = hostWith({ '/proc/cmdline': 'a\n', '/proc/iomem': iomem });
  const { text } = hostCommandLine(host, settingsOf('', 'kdump.conf'), 1);
  expect(text.includes(' no5lvl')).toBe(expected && process.arch === 'x64');
});
