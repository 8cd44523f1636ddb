/** The supervisor's script, run by the busybox that the image has. Only the kernel's files are replaced by plain ones. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findCommand } from '../../../build/host/host-packages.ts';
import { PROJECT } from '../../../build/paths.ts';
import { lineWriter, openHeartbeat } from '../../../capture/init/heartbeat.ts';

const NO_LIMIT = { stallSeconds: 0, endSeconds: 0, sysrqKey: 'b' } as const;
const SOON = { timeout: 30_000, interval: 100 };

let directory: string;
let supervisor: ChildProcess;
const path = (name: string) => join(directory, name);
const text = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-watch-'));
  for (const name of ['kmsg', 'sysrq', 'watchdog', 'watchdog1', 'oom_score_adj'])
    writeFileSync(path(name), '');
  writeFileSync(path('progress'), '0 0 0 b start\n');
  // In the place of busybox, whose reboot is not for the machine that runs the tests.
  writeFileSync(path('bb'), `#!/bin/sh\necho "$@" >> ${path('reboot')}\n`, { mode: 0o755 });
  execFileSync('mkfifo', [path('pause')]);
  const script = readFileSync(join(PROJECT, 'initrd/watch.sh'), 'utf8')
    .replaceAll('> /dev/kmsg', `>> ${path('kmsg')}`)
    .replaceAll('> /proc/sysrq-trigger', `>> ${path('sysrq')}`)
    .replaceAll(/pause (2|20)$/gm, 'pause 1')
    .replaceAll('/proc/self/oom_score_adj', path('oom_score_adj'));
  writeFileSync(
    path('script'),
    `bb=${path('bb')} progress=${path('progress')} pause_fifo=${path('pause')} watchdogs='9 7'\n` +
      `exec 9>> ${path('watchdog')} 7>> ${path('watchdog1')}\n${script}`,
  );
  supervisor = spawn(findCommand('busybox')!, ['sh', path('script')], { stdio: 'ignore' });
});
afterEach(() => {
  supervisor.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

test('watchdogs are fed during progress; without it they are not, and the machine is powered off or rebooted', async () => {
  const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
  heartbeat.enter('dump');
  heartbeat.wait({ stallSeconds: 3, endSeconds: 0, sysrqKey: 'o' });
  const beating = setInterval(() => heartbeat.beat(), 300);
  await vi.waitFor(() => expect(text('watchdog').length).toBeGreaterThan(3), SOON);
  clearInterval(beating);
  expect(text('kmsg')).toBe('');
  await vi.waitFor(() => expect(text('sysrq')).toBe('7\nw\ns\nu\no\n'), SOON);
  expect(text('kmsg')).toBe(
    '<0>kdumpling: watch: NOT finished: stuck in the phase dump, no progress for 3 s; powering off by sysrq\n',
  );
  const fed = text('watchdog').length;
  expect(Math.abs(text('watchdog1').length - fed)).toBeLessThan(2);
  // Where the kernel does not do it, the others follow.
  await vi.waitFor(() => expect(text('sysrq')).toBe('7\nw\ns\nu\no\nb\n'), SOON);
  await vi.waitFor(() => expect(text('reboot')).toBe('reboot -nf\n'), SOON);
  expect(text('watchdog')).toHaveLength(fed);
}, 90_000);

test('progress after the deadline does not help', async () => {
  const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
  heartbeat.enter('verify');
  heartbeat.wait({ stallSeconds: 0, endSeconds: 1, sysrqKey: 'b' });
  const line = /^<0>kdumpling: watch: NOT finished after \d+ s, in the phase verify; rebooting by sysrq\n$/;
  await vi.waitFor(() => expect(text('kmsg')).toMatch(line), SOON);
}, 90_000);

test('a machine that is to be halted has its watchdogs disarmed', async () => {
  const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
  heartbeat.enter('halt');
  for (const name of ['watchdog', 'watchdog1'])
    await vi.waitFor(() => expect(text(name)).toMatch(/^\n*V$/), SOON);
}, 90_000);

test('once it runs, nothing that it does can wait for a disk, a stuck process or a terminal', () => {
  const lines = readFileSync(join(PROJECT, 'initrd/watch.sh'), 'utf8')
    .split('\n')
    .map(line => line.replace(/(^|\s)#.*$/, ''));
  const files = lines.flatMap(line =>
    [...line.matchAll(/[<>]\s*(\/\S+|\$[a-z_]+)/g)].map(([, file]) => file),
  );
  expect([...new Set(files)].sort()).toEqual([
    '$pause_fifo',
    '$progress',
    '/dev/kmsg',
    '/proc/self/oom_score_adj',
    '/proc/sysrq-trigger',
    '/proc/uptime',
  ]);
  // The one process that it starts is not waited for.
  expect(lines.filter(line => /\$\(|`|\$bb|\{bb/.test(line.replaceAll('$((', '')))).toEqual([
    expect.stringMatching(/reboot -nf &$/),
  ]);
});
