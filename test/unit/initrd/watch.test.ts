/** The supervisor's script, run by the busybox that the image has. Only the kernel's files are replaced by plain ones. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findCommand } from '../../../build/host/host-packages.ts';
import { PROJECT } from '../../../build/paths.ts';
import { lineWriter, openHeartbeat } from '../../../capture/init/heartbeat.ts';

const NO_LIMIT = { stallSeconds: 0, endSeconds: 0, sysrqKey: 'b' } as const;
const SOON = { timeout: 30_000, interval: 100 };

let directory: string;
let supervisor: ChildProcess;
const path = (name: string) => join(directory, name);
const text = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');

/** What the kernel has read again, as it says it beside other numbers. */
function setRefaults(pages: number, swapped = 0): void {
  setCounts({ pages, swapped, searches: 0, freed: 0 });
}

/** Searches for pages to free are counted by zone. */
function setCounts({
  pages = 0,
  swapped = 0,
  searches,
  freed,
}: {
  pages?: number;
  swapped?: number;
  searches: number;
  freed: number;
}): void {
  const lines = [
    'nr_free_pages 1',
    'workingset_refault_anon 7000000',
    `workingset_refault_file ${pages}`,
    `pswpin ${swapped}`,
    'pswpout 7000000',
    'allocstall_dma 0',
    `allocstall_dma32 ${Math.floor(searches / 3)}`,
    `allocstall_normal ${Math.ceil((searches * 2) / 3)}`,
    'pgfault 9',
    'pgsteal_kswapd 7000000',
    `pgsteal_direct ${freed}`,
    'pgsteal_khugepaged 7000000',
  ];
  writeFileSync(path('next'), `${lines.join('\n')}\n`);
  renameSync(path('next'), path('vmstat'));
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-watch-'));
  for (const name of ['kmsg', 'sysrq', 'watchdog', 'watchdog1', 'oom_score_adj'])
    writeFileSync(path(name), '');
  writeFileSync(path('progress'), '0 0 0 b 0 start\n');
  setRefaults(0);
  writeFileSync(
    path('meminfo'),
    'MemTotal:  180000 kB\nMemFree:  1000 kB\nMemAvailable:  42000 kB\nBuffers:  0 kB\n',
  );
  // In the place of busybox, whose reboot is not for the machine that runs the tests.
  writeFileSync(path('bb'), `#!/bin/sh\necho "$@" >> ${path('reboot')}\n`, { mode: 0o755 });
  execFileSync('mkfifo', [path('pause')]);
  const script = readFileSync(join(PROJECT, 'initrd/watch.sh'), 'utf8')
    .replaceAll('> /dev/kmsg', `>> ${path('kmsg')}`)
    .replaceAll('> /proc/sysrq-trigger', `>> ${path('sysrq')}`)
    .replaceAll(/pause (2|20)$/gm, 'pause 1')
    .replaceAll('/proc/self/oom_score_adj', path('oom_score_adj'))
    .replaceAll('/proc/vmstat', path('vmstat'))
    .replaceAll('/proc/meminfo', path('meminfo'));
  writeFileSync(
    path('script'),
    `status_seconds=60 bb=${path('bb')} progress=${path('progress')} most_refaults=1000 most_vain_searches=300 pause_fifo=${path('pause')} watchdogs='9 7'\n` +
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
    '<0>kdumpling: watch: NOT finished: stuck in the phase dump, no progress for 3 s, 41 MiB of memory available; powering off by sysrq\n',
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

describe('a console without a line of the program', () => {
  const STATUS = /<1>kdumpling: watch: in the phase (\w+) for (\d+) s, last progress (\d+) s ago\n/g;
  const statuses = () => [...text('kmsg').matchAll(STATUS)].map(([, phase, entered]) => ({ phase, entered }));
  const PATIENT = { stallSeconds: 60, endSeconds: 0, sysrqKey: 'b' } as const;

  beforeEach(() => {
    supervisor.kill('SIGKILL');
    writeFileSync(path('script'), text('script').replace('status_seconds=60', 'status_seconds=2'));
    supervisor = spawn(findCommand('busybox')!, ['sh', path('script')], { stdio: 'ignore' });
  });

  test('gets one of the supervisor’s now and then, but not where somebody types', async () => {
    const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
    heartbeat.enter('shell');
    await vi.waitFor(() => expect(text('watchdog').length).toBeGreaterThan(3), SOON);
    expect(text('kmsg')).toBe('');
    heartbeat.wait(PATIENT);
    heartbeat.enter('verify');
    await vi.waitFor(() => expect(statuses().length).toBeGreaterThan(2), SOON);
    expect(new Set(statuses().map(({ phase }) => phase))).toEqual(new Set(['verify']));
    const [first, , third] = statuses().map(({ entered }) => Number(entered));
    expect(third! - first!).toBeGreaterThanOrEqual(4);
  }, 90_000);

  test('gets one where each of many phases is short', async () => {
    const heartbeat = openHeartbeat(lineWriter(path('progress')), PATIENT);
    let phase = 0;
    const hurrying = setInterval(() => heartbeat.enter(`phase${phase++}`), 500);
    await vi
      .waitFor(() => expect(statuses().length).toBeGreaterThan(1), SOON)
      .finally(() => clearInterval(hurrying));
  }, 90_000);

  test('gets one where the capture may take any time', async () => {
    const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
    heartbeat.enter('dump');
    await vi.waitFor(() => expect(statuses().length).toBeGreaterThan(0), SOON);
  }, 90_000);

  test('gets none while the program writes its own', async () => {
    const heartbeat = openHeartbeat(lineWriter(path('progress')), PATIENT);
    heartbeat.enter('dump');
    const writing = setInterval(() => heartbeat.shown(), 300);
    await vi
      .waitFor(() => expect(text('watchdog').length).toBeGreaterThan(5), SOON)
      .finally(() => clearInterval(writing));
    expect(text('kmsg')).toBe('');
  }, 90_000);
});

describe('pages that were dropped are read again', () => {
  const WAITING = { stallSeconds: 60, endSeconds: 0, sysrqKey: 'b' } as const;

  test('without progress: thrashing, which is ended', async () => {
    setRefaults(500_000); // before this phase, with progress
    const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
    heartbeat.enter('dump');
    heartbeat.wait(WAITING);
    await vi.waitFor(() => expect(text('watchdog').length).toBeGreaterThan(1), SOON);
    setRefaults(500_999);
    const fed = text('watchdog').length;
    await vi.waitFor(() => expect(text('watchdog').length).toBeGreaterThan(fed + 1), SOON);
    expect(text('kmsg')).toBe('');
    setRefaults(501_000);
    await vi.waitFor(() => expect(text('sysrq')).toBe('7\nw\ns\nu\nb\nb\n'), SOON);
    expect(text('kmsg')).toBe(
      '<0>kdumpling: watch: NOT finished: too little memory: code is read again and again without progress, 1000 pages in the phase dump; rebooting by sysrq\n',
    );
  });

  test('of the program’s own memory, which was compressed: these count, too', async () => {
    setRefaults(500_000, 300_000);
    const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
    heartbeat.enter('dump');
    heartbeat.wait(WAITING);
    await vi.waitFor(() => expect(text('watchdog').length).toBeGreaterThan(1), SOON);
    setRefaults(500_400, 300_600);
    await vi.waitFor(() => expect(text('sysrq')).toBe('7\nw\ns\nu\nb\nb\n'), SOON);
    expect(text('kmsg')).toContain('without progress, 1000 pages in the phase dump');
  });

  test.each([
    ['with progress: a slow capture goes on', WAITING, 100],
    ['where the program may take any time', NO_LIMIT, 1e9],
  ])('%s', async (_, patience, beatMs) => {
    const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
    heartbeat.enter('dump');
    heartbeat.wait(patience);
    const beating = setInterval(() => heartbeat.beat(), beatMs);
    let pages = 0;
    const thrashing = setInterval(() => {
      pages += 300;
      setRefaults(pages);
    }, 300);
    await vi.waitFor(() => expect(pages).toBeGreaterThan(5000), SOON);
    clearInterval(thrashing);
    clearInterval(beating);
    expect(text('kmsg')).toBe('');
  });
});

describe('the kernel looks for pages to free', () => {
  const WAITING = { stallSeconds: 60, endSeconds: 0, sysrqKey: 'b' } as const;
  const turns = async (count: number) => {
    const fed = text('watchdog').length;
    await vi.waitFor(() => expect(text('watchdog').length).toBeGreaterThan(fed + count), SOON);
  };

  test('and finds none, without progress: the capture is ended', async () => {
    setCounts({ searches: 900_000, freed: 2000 });
    const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
    heartbeat.enter('dump');
    heartbeat.wait(WAITING);
    await turns(3);
    setCounts({ searches: 900_299, freed: 2000 });
    await turns(2);
    expect(text('kmsg')).toBe('');
    setCounts({ searches: 900_303, freed: 2003 });
    await vi.waitFor(() => expect(text('sysrq')).toBe('7\nw\ns\nu\nb\nb\n'), SOON);
    expect(text('kmsg')).toBe(
      '<0>kdumpling: watch: NOT finished: too little memory: none can be freed, 300 tries without progress in the phase dump; rebooting by sysrq\n',
    );
  }, 90_000);

  test.each([
    ['and finds some', WAITING, 1e9, 1],
    ['and finds none, with progress', WAITING, 100, 0],
    ['and finds none, where the program may take any time', NO_LIMIT, 1e9, 0],
  ])(
    '%s: the capture goes on',
    async (_, patience, beatMs, freedEach) => {
      const heartbeat = openHeartbeat(lineWriter(path('progress')), NO_LIMIT);
      heartbeat.enter('dump');
      heartbeat.wait(patience);
      const beating = setInterval(() => heartbeat.beat(), beatMs);
      let searches = 0;
      const searching = setInterval(() => {
        searches += 90;
        setCounts({ searches, freed: searches * freedEach });
      }, 300);
      await vi.waitFor(() => expect(searches).toBeGreaterThan(1500), SOON);
      clearInterval(searching);
      clearInterval(beating);
      expect(text('kmsg')).toBe('');
    },
    90_000,
  );
});

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
    '/proc/meminfo',
    '/proc/self/oom_score_adj',
    '/proc/sysrq-trigger',
    '/proc/uptime',
    '/proc/vmstat',
  ]);
  // The one process that it starts is not waited for.
  expect(lines.filter(line => /\$\(|`|\$bb|\{bb/.test(line.replaceAll('$((', '')))).toEqual([
    expect.stringMatching(/reboot -nf &$/),
  ]);
});
