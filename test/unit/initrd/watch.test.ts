/** The supervisor's script as it is, run by the busybox that the image has; only the kernel's files are others. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findCommand } from '../../../build/host/host-packages.ts';
import { PROJECT } from '../../../build/paths.ts';
import { lineWriter, openHeartbeat } from '../../../capture/init/heartbeat.ts';

const FOR_EVER = { stallSeconds: 0, endSeconds: 0, sysrqKey: 'b' } as const;
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
  execFileSync('mkfifo', [path('pause')]);
  const script = readFileSync(join(PROJECT, 'initrd/watch.sh'), 'utf8')
    .replaceAll('> /dev/kmsg', `>> ${path('kmsg')}`)
    .replaceAll('> /proc/sysrq-trigger', `>> ${path('sysrq')}`)
    .replaceAll('pause 2', 'pause 1')
    .replaceAll('/proc/self/oom_score_adj', path('oom_score_adj'));
  writeFileSync(
    path('script'),
    `progress=${path('progress')} pause_fifo=${path('pause')} watchdogs='9 7'\n` +
      `exec 9>> ${path('watchdog')} 7>> ${path('watchdog1')}\n${script}`,
  );
  supervisor = spawn(findCommand('busybox')!, ['sh', path('script')], { stdio: 'ignore' });
});
afterEach(() => {
  supervisor.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

test('while something moves, the watchdogs are fed; when nothing does, they are not, and the machine goes home', async () => {
  const heartbeat = openHeartbeat(lineWriter(path('progress')), FOR_EVER);
  heartbeat.wait({ stallSeconds: 3, endSeconds: 0, sysrqKey: 'o' });
  heartbeat.enter('dump');
  const beating = setInterval(() => heartbeat.beat(), 300);
  await vi.waitFor(() => expect(text('watchdog').length).toBeGreaterThan(3), SOON);
  clearInterval(beating);
  expect(text('kmsg')).toBe('');
  await vi.waitFor(() => expect(text('sysrq')).toBe('w\ns\nu\no\n'), SOON);
  expect(text('kmsg')).toBe(
    '<0>kdumpling: watch: NOT finished: stuck in the phase dump, where nothing moved for 3 s; going home by sysrq\n',
  );
  const fed = text('watchdog').length;
  expect(Math.abs(text('watchdog1').length - fed)).toBeLessThan(2);
  await vi.waitFor(() => expect(text('sysrq')).toBe('w\ns\nu\no\nb\n'), SOON);
  expect(text('watchdog')).toHaveLength(fed);
}, 90_000);

test('what moves and is too late goes home too', async () => {
  const heartbeat = openHeartbeat(lineWriter(path('progress')), FOR_EVER);
  heartbeat.enter('verify');
  heartbeat.wait({ stallSeconds: 0, endSeconds: 1, sysrqKey: 'b' });
  await vi.waitFor(
    () =>
      expect(text('kmsg')).toMatch(/^<0>kdumpling: watch: NOT finished after \d+ s, in the phase verify;/),
    SOON,
  );
}, 90_000);

test('a machine that is to be halted has its watchdogs disarmed', async () => {
  const heartbeat = openHeartbeat(lineWriter(path('progress')), FOR_EVER);
  heartbeat.enter('halt');
  for (const name of ['watchdog', 'watchdog1'])
    await vi.waitFor(() => expect(text(name)).toMatch(/^\n*V$/), SOON);
}, 90_000);
