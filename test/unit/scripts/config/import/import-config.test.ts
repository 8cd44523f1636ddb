/** `kdumpling import-config`: what becomes of the settings of the other programs, and what is written where. */
import { describe, expect, test } from 'vitest';
import { runCommand } from '../../../../../scripts/lib/cli/command.ts';
import { readConfig } from '../../../../../scripts/lib/config/config.ts';
import { importConfig } from '../../../../../scripts/lib/config/import/import.ts';
import { configText, importText } from '../../../../../scripts/lib/config/import/text.ts';
import { PACKAGED_CONFIG } from '../../../../../scripts/lib/config/packaged-file.ts';
import { importConfigVerb } from '../../../../../scripts/verbs/import-config.ts';
import { type Files, hostWith, textOf } from '../../../../support/host-root.ts';
import { recordOutput } from '../../../../support/recorded-output.ts';

const output = recordOutput();

const DEBIAN = '/etc/default/kdump-tools';
const SYSCONFIG = '/etc/sysconfig/kdump';
const CONFIG = '/etc/kdump.conf';

const linesOf = (files: Files) => importConfig(hostWith(files)).lines;
const reasonOf = (files: Files, setting: string) => {
  const { outcome } = importConfig(hostWith(files)).settings.find(({ name }) => name === setting)!;
  return outcome.kind === 'taken' ? 'taken' : `${outcome.kind}: ${outcome.why}`;
};

describe('kdump-tools', () => {
  test.each([
    ['KDUMP_COREDIR="/srv/crash"', ['path /srv/crash']],
    ['KDUMP_NUM_DUMPS=5', ['keep_dumps 5']],
    ['KDUMP_NUM_DUMPS=0', []],
    ['KDUMP_FAIL_CMD="reboot -f"', ['failure_action reboot']],
    ['KDUMP_FAIL_CMD="echo \'it failed\'; /bin/bash; reboot -f"', ['failure_action shell']],
    ['MAKEDUMP_ARGS="-l -d 17"', ['core_collector makedumpfile -l -d 17']],
    [
      'KDUMP_CMDLINE_APPEND="reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb"',
      ['command_line_append usbcore.nousb'],
    ],
    ['KDUMP_CMDLINE_APPEND="nr_cpus=1 irqpoll"', []],
    ['KDUMP_CMDLINE_APPEND="nr_cpus=4"', ['command_line_append nr_cpus=4']],
    ['USE_KDUMP=1\n#KDUMP_NUM_DUMPS=3\nKDUMP_KERNEL=/var/lib/kdump/vmlinuz', []],
  ])('%s', (text, lines) => expect(linesOf({ [DEBIAN]: text })).toEqual(lines));

  test.each([
    ['NFS', 'NFS="server:/crash"', /^left out: dumps go to a local disk/],
    [
      'KDUMP_COREDIR',
      'KDUMP_COREDIR=crash',
      /^left out: cannot use the option path: its value is "crash"; expected an absolute path/,
    ],
    ['MAKEDUMP_ARGS', 'MAKEDUMP_ARGS="-E -d 31"', /^left out: cannot use core_collector: .*no --elf/],
    ['KDUMP_NUM_DUMPS', 'KDUMP_NUM_DUMPS=many', /^left out: "many" is not a number$/],
    ['KDUMP_COREDIR', 'KDUMP_COREDIR=$(mktemp)', /^left out: only a shell can tell its value$/],
    ['MINE', 'MINE=1', /^left out: kdumpling does not know it$/],
  ])('%s: %s', (name, text, reason) => expect(reasonOf({ [DEBIAN]: text }, name)).toMatch(reason));
});

describe('SUSE', () => {
  const suse = (text: string) => ({ [SYSCONFIG]: `KDUMP_SAVEDIR="/var/crash"\n${text}` });
  test.each([
    ['KDUMP_SAVEDIR="file:///srv/crash"', ['path /srv/crash']],
    ['KDUMP_SAVEDIR="/srv/crash/"', ['path /srv/crash']],
    ['KDUMP_KEEP_OLD_DUMPS=3', ['path /var/crash', 'keep_dumps 4']],
    ['KDUMP_KEEP_OLD_DUMPS=-1', ['path /var/crash', 'keep_dumps 1']],
    ['KDUMP_FREE_DISK_SIZE="64"', ['path /var/crash', 'keep_free 64M']],
    [
      'KDUMP_DUMPLEVEL=31\nKDUMP_DUMPFORMAT="zstd"',
      ['path /var/crash', 'core_collector makedumpfile -d 31 -z'],
    ],
    ['KDUMP_CONTINUE_ON_ERROR="false"', ['path /var/crash', 'failure_action shell']],
    ['KDUMP_IMMEDIATE_REBOOT="true"', ['path /var/crash', 'final_action reboot']],
    ['KDUMP_FADUMP="false"\nKDUMP_CRASHKERNEL="auto"', ['path /var/crash']],
    ['KDUMP_CPUS=1', ['path /var/crash', 'command_line_append nr_cpus=1']],
    ['KDUMP_CPUS=4', ['path /var/crash', 'command_line_append nr_cpus=4']],
  ])('%s', (text, lines) => expect(linesOf(suse(text))).toEqual(lines));

  test.each([
    ['KDUMP_SAVEDIR', 'KDUMP_SAVEDIR="nfs://server/crash"', /^left out: dumps go to a local disk/],
    [
      'KDUMP_DUMPFORMAT',
      'KDUMP_DUMPFORMAT=ELF',
      /^left out: a dump is always in the kdump-compressed format/,
    ],
    [
      'KDUMP_CRASHKERNEL',
      'KDUMP_CRASHKERNEL="crashkernel=72M,low crashkernel=300M,high"',
      /--crashkernel "72M,low 300M,high"/,
    ],
    ['KDUMP_POSTSCRIPT', 'KDUMP_POSTSCRIPT=/usr/bin/mine', /^left out: the capture runs no other programs/],
    ['KDUMP_CPUS', 'KDUMP_CPUS=32', /^left out: .*at most 4; for more, command_line_append nr_cpus=32/],
    ['KDUMP_CPUS', 'KDUMP_CPUS=0', /^left out: the crash kernel gets as many CPUs/],
  ])('%s: %s', (name, text, reason) => expect(reasonOf(suse(text), name)).toMatch(reason));
});

describe('Fedora and RHEL', () => {
  const fedora = {
    [CONFIG]: [
      'auto_reset_crashkernel yes',
      'path "/srv/crash"',
      'core_collector makedumpfile -l --message-level 7 -d 31',
      'disk_timeout 30',
      'failure_action dump_to_rootfs',
      'ssh root@server',
      'extra_modules gfs2',
      '',
    ].join('\n'),
    [SYSCONFIG]: [
      'KDUMP_COMMANDLINE_REMOVE="hugepages quiet mine"',
      'KDUMP_COMMANDLINE_APPEND="novmcoredd irqpoll panic=10 udev.children-max=2 pcie_ports=compat"',
      'KEXEC_ARGS="-s"',
      'KDUMP_IMG_EXT=""',
    ].join('\n'),
  };

  test('what can be taken is, without quotes', () => {
    expect(linesOf(fedora)).toEqual([
      'path /srv/crash',
      'core_collector makedumpfile -l --message-level 7 -d 31',
      'device_timeout 30',
      'extra_modules gfs2',
      'command_line_remove mine',
      'command_line_append pcie_ports=compat',
    ]);
  });

  test('what cannot be is named, with the reason', () => {
    expect(reasonOf(fedora, 'ssh')).toMatch(/^left out: dumps go to a local disk/);
    expect(reasonOf(fedora, 'failure_action')).toMatch(
      /^left out: cannot use the option failureAction: its value is "dump_to_rootfs"/,
    );
    expect(importText(importConfig(hostWith(fedora)))).toMatch(/^ {2}failure_action +not taken +cannot use/m);
    expect(configText(importConfig(hostWith(fedora)))).toMatch(/^# Not taken:\n(# .*\n)*# ssh: dumps go/m);
  });

  test.skipIf(process.getuid?.() !== 0)('the old file is kept, and never a second time', async () => {
    const host = hostWith(fedora);
    await runCommand(importConfigVerb, ['--root', host.root]);
    expect(process.exitCode).toBe(0);
    expect(textOf(host, `${CONFIG}.imported`)).toBe(fedora[CONFIG]);
    expect(readConfig(host).options).toMatchObject({ path: '/srv/crash', deviceTimeoutSeconds: 30 });
    host.write(CONFIG, 'nfs a:/b\n');
    await runCommand(importConfigVerb, ['--root', host.root]);
    expect(process.exitCode).toBe(1);
    expect(output.said.at(-1)).toMatch(
      /Cannot write \/etc\/kdump\.conf: \/etc\/kdump\.conf\.imported exists\. Move/,
    );
    expect(textOf(host, CONFIG)).toBe('nfs a:/b\n');
  });
});

describe.skipIf(process.getuid?.() !== 0)('what is in the way', () => {
  const source = { [DEBIAN]: 'KDUMP_COREDIR=/srv/crash\n' };
  const run = (files: Files, ...argv: string[]) => {
    const host = hostWith(files);
    process.exitCode = undefined;
    return runCommand(importConfigVerb, ['--root', host.root, ...argv]).then(() => host);
  };

  test('the file that the package installed holds nothing that is lost', async () => {
    const host = await run({ ...source, [CONFIG]: PACKAGED_CONFIG });
    expect(process.exitCode).toBe(0);
    expect(textOf(host, CONFIG)).toBe(
      '# Made by `kdumpling import-config` from /etc/default/kdump-tools of kdump-tools.\npath /srv/crash\n',
    );
  });

  test('a file that somebody wrote is not overwritten', async () => {
    const host = await run({ ...source, [CONFIG]: 'path /mine\n' });
    expect(process.exitCode).toBe(1);
    expect(output.said.at(-1)).toMatch(/^Cannot write \/etc\/kdump\.conf: \/etc\/kdump\.conf exists\. Move/);
    expect(textOf(host, CONFIG)).toBe('path /mine\n');
  });

  test('--dry-run prints the file and writes nothing', async () => {
    const host = await run(source, '--dry-run');
    expect(process.exitCode).toBe(0);
    expect(output.said.join('\n')).toMatch(/^path \/srv\/crash$/m);
    expect(host.exists(CONFIG)).toBe(false);
  });

  test('nothing to import', async () => {
    await run({ [CONFIG]: PACKAGED_CONFIG });
    expect(process.exitCode).toBe(1);
    expect(output.said.at(-1)).toMatch(/^Cannot import a configuration: there is none of another program/);
  });

  test('a password is not shown', async () => {
    await run({ [DEBIAN]: 'FTP_PASSWORD=secret\n' }, '--dry-run');
    expect(output.said.join('\n')).not.toMatch(/secret/);
  });
});

test('the refusal of a file of another program names the verb', () => {
  expect(() => readConfig(hostWith({ [CONFIG]: 'nfs server:/crash\n' }))).toThrow(
    /Cannot use \/etc\/kdump\.conf: line 1: .* run `kdumpling import-config`/,
  );
});
