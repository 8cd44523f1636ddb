/** A kdump.conf that cannot be used stops no reader of dumps. */
import { describe, expect, test } from 'vitest';
import { reportNews } from '../../../../scripts/lib/announce/news.ts';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { hostDumps } from '../../../../scripts/lib/dumps/host-dumps.ts';
import { VERBS } from '../../../../scripts/verb-table.ts';
import { hostWith, textOf } from '../../../support/host-root.ts';
import { recordOutput } from '../../../support/recorded-output.ts';

const output = recordOutput();

const FILES = {
  '/etc/kdump.conf': 'nfs server:/crash\ncolour red\n',
  '/var/crash/20261121T220234Z/vmcore-dmesg.txt': 'Kernel panic - not syncing: mine\n',
};

describe.skipIf(process.getuid?.() !== 0)('with a kdump.conf that cannot be used', () => {
  test.each(['list', 'info', 'report', 'dmesg'])('%s', async name => {
    await runCommand(await VERBS[name]!(), ['--root', hostWith(FILES).root]);
    expect(process.exitCode).toBe(0);
    expect(output.said.filter(said => said.includes('cannot use nfs'))).toHaveLength(1);
    expect(output.said.join('\n')).toMatch(name === 'dmesg' ? /not syncing: mine/ : /20261121T220234Z/);
  });

  test('verify, which finds the dump', async () => {
    await runCommand(await VERBS.verify!(), ['--root', hostWith(FILES).root]);
    expect(output.said.at(-1)).toMatch(
      /^Cannot verify 20261121T220234Z: there is a kernel log in it, and no dump/,
    );
  });

  test('cleanup deletes nothing', async () => {
    const host = hostWith(FILES);
    await runCommand(await VERBS.cleanup!(), ['--yes', '--root', host.root]);
    expect(process.exitCode).toBe(1);
    expect(host.exists('/var/crash/20261121T220234Z/vmcore-dmesg.txt')).toBe(true);
  });

  test('what is to be posted stays due', async () => {
    const host = hostWith(FILES);
    const code = await reportNews(host, hostDumps(host), 'unknown', new AbortController().signal);
    expect(code).toBe(1);
    expect(output.said.join('\n')).toMatch(/crash 20261121T220234Z: /);
    expect(JSON.parse(textOf(host, '/var/lib/kdumpling/reported.json'))).toEqual({
      reported: ['20261121T220234Z'],
      unposted: ['20261121T220234Z'],
    });
  });
});
