/** `npm run machine`: crashes that are repeated, where their time went, and the tables of their medians. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Agent } from '../../../qemu/debian/agent.ts';
import type { Capture } from '../../../qemu/debian/capture.ts';
import { medianSegments, spreadOf } from '../../../qemu/debian/columns.ts';
import { captureCpus, crashSegments, crashTimes } from '../../../qemu/debian/crash.ts';
import type { Guest } from '../../../qemu/debian/machine.ts';
import {
  KDUMP_TOOLS,
  KDUMPLING,
  KDUMPLING_DUMP_ONLY,
  KDUMPLING_LZO,
  kdumpling,
} from '../../../qemu/debian/peers.ts';
import { isDiskNeeded, storySteps, timesSteps } from '../../../qemu/debian/steps.ts';
import { STORIES, type Teller } from '../../../qemu/debian/stories.ts';
import { captureTable, comparisons, crashTable, describeCaptures } from '../../../qemu/debian/table.ts';
import { TIMED } from '../../../qemu/debian/times.ts';
import { labArch } from '../../../qemu/machine/arch.ts';
import { cpuSecondsOf, parseCpuSeconds } from '../../../qemu/machine/cpu-time.ts';
import type { SerialLine } from '../../../qemu/machine/serial.ts';
import { segmentBars } from '../../../qemu/run/segment-bars.ts';
import { settingsOf } from '../../../scripts/lib/config/config.ts';
import { PACKAGED_CONFIG } from '../../../scripts/lib/config/packaged-file.ts';

const arch = labArch('x64');
const BANNER = 'Debian GNU/Linux 12 debian ttyS0';
const PANIC = 'Kernel panic - not syncing: sysrq triggered crash';

/** A line each second, from the first second on. */
const lines = (...texts: string[]): SerialLine[] =>
  texts.map((text, index) => ({ text, atSeconds: index + 1 }));

const OURS_ON_CONSOLE = [
  PANIC,
  'Linux version 6.1',
  '[ 1.0] kdumpling: start: kdumpling 0.1.0',
  '[ 2.0] kdumpling: dump: 100 %',
  '[ 3.0] kdumpling: end: saved /var/crash/20261129T113853Z',
  'reboot: Restarting system',
  BANNER,
];

const brief = (segments: readonly { name: string; seconds: number }[]) =>
  segments.map(({ name, seconds }) => `${name} ${seconds}`);

describe('where the time of a crash went', () => {
  const stages = kdumpling('self-contained').stages;

  test('each stage ends with its line', () => {
    expect(brief(crashSegments(arch, lines(...OURS_ON_CONSOLE), stages))).toEqual([
      'kexec 1',
      'boot 1',
      'capture 2',
      'reboot 1',
      'first kernel 1',
    ]);
  });

  test('of kdump-tools too', () => {
    const texts = [
      PANIC,
      'Linux version 6.1',
      'kdump-tools[217]: running makedumpfile --dump-dmesg /proc/vmcore /var/crash/1/dmesg.1.',
      'kdump-tools[217]: kdump-tools: saved dmesg content in /var/crash/1.',
      'kdump-tools[217]: running makedumpfile -F -c -d 31 /proc/vmcore | compress > /var/crash/1/dump-incomplete.',
      'kdump-tools[217]: kdump-tools: saved vmcore in /var/crash/1.',
      'reboot: Restarting system',
    ];
    expect(brief(crashSegments(arch, lines(...texts), KDUMP_TOOLS.stages))).toEqual([
      'kexec 1',
      'boot 1',
      'dmesg 1',
      'dump 2',
      'reboot 1',
    ]);
  });

  test('a stage whose end was not seen belongs to the next; a line of the next boot ends none', () => {
    const texts = OURS_ON_CONSOLE.filter(text => !text.includes('end: saved'));
    texts.push('kdumpling: end: saved /var/crash/1');
    expect(brief(crashSegments(arch, lines(...texts), stages))).toEqual([
      'kexec 1',
      'boot 1',
      'reboot 2',
      'first kernel 1',
    ]);
  });

  test('of a machine that did not reboot nothing is said', () => {
    expect(crashSegments(arch, lines(PANIC, 'Linux version 6.1', 'x'), stages)).toEqual([]);
  });
});

const CAPTURE: Capture = {
  kernel: '6.1.0-1-cloud-amd64',
  times: { captureKernel: 1.5, reboot: 21.5, login: 60 },
  segments: [
    { name: 'kexec', seconds: 1.5 },
    { name: 'boot', seconds: 20 },
  ],
  dumpBytes: 16e6,
  initrdBytes: 44e6,
  crashkernelMib: 192,
  hostLoad: 2.04,
};

/** With this many seconds from the capture kernel's first line to the reboot. */
const lasting = (seconds: number): Capture => ({
  ...CAPTURE,
  times: { captureKernel: 1.5, reboot: 1.5 + seconds, login: 60 },
});

test('the CPU time of a capture is that of its crash kernel alone', () => {
  const seen = lines(...OURS_ON_CONSOLE).map(line => ({ ...line, cpuSeconds: line.atSeconds / 2 }));
  expect(crashTimes(arch, seen)).toEqual({ captureKernel: 1, reboot: 5, login: 6, captureCpu: 2 });
  expect(parseCpuSeconds('42 (a b) c) S 1 42 42 0 -1 4194560 9 0 0 0 250 31 0 0 20 0 5 0 1')).toBe(2.81);
  expect(cpuSecondsOf(process.pid)).toBeGreaterThan(0);
  expect(cpuSecondsOf(2 ** 22 + 1)).toBeUndefined();
});

test('the CPUs of a crash kernel are those that itself brought up', () => {
  const brought = (cpus: string) => `[    0.6] smp: Brought up 1 node, ${cpus}`;
  const texts = [
    brought('4 CPUs'),
    PANIC,
    'Linux version 6.1',
    brought('2 CPUs'),
    'reboot: Restarting system',
    'Linux version 6.1',
    brought('4 CPUs'),
  ];
  expect(captureCpus(arch, lines(...texts))).toBe(2);
  expect(captureCpus(arch, lines(PANIC, 'Linux version 6.1', brought('1 CPU')))).toBe(1);
  expect(captureCpus(arch, lines(...texts.filter(text => text !== brought('2 CPUs'))))).toBeUndefined();
  expect(captureCpus(arch, lines(brought('4 CPUs'), PANIC))).toBeUndefined();
});

describe('the table', () => {
  test('has a column for each kernel and reservation', () => {
    const other = { ...CAPTURE, kernel: '6.12.1-cloud-amd64', times: {} };
    const table = captureTable([
      { name: 'a', captures: [CAPTURE, other, { ...CAPTURE, crashkernelMib: 112 }] },
      { name: 'b', captures: [] },
    ]);
    expect(table).toMatch(/^\s+a +a +a$/m);
    expect(table).toMatch(/crashed kernel +6\.1\.0-1-cloud +6\.12\.1-cloud +6\.1\.0-1-cloud$/m);
    expect(table).toMatch(/crashes +1 +1 +1$/m);
    expect(table).toMatch(/capture kernel to reboot +20\.0 s +- +20\.0 s$/m);
    expect(table).toMatch(/reserved +192 MiB +192 MiB +112 MiB$/m);
    expect(table).toMatch(/load of the host +2\.0 +2\.0 +2\.0$/m);
  });

  test('of several captures has the median, the lowest and the highest', () => {
    const table = captureTable([{ name: 'a', captures: [lasting(31), lasting(20), lasting(22)] }]);
    expect(table).toMatch(/crashes +3$/m);
    expect(table).toMatch(/capture kernel to reboot +22\.0 s \(20\.0–31\.0\)$/m);
    expect(table).toMatch(/dump +16\.0 MB$/m);
  });

  test('what was not seen in one of them is not counted', () => {
    const captures = [lasting(20), { ...CAPTURE, times: { captureKernel: 1 } }, lasting(30)];
    expect(spreadOf(captures, ({ times }) => times.reboot)).toEqual({
      median: 26.5,
      lowest: 21.5,
      highest: 31.5,
    });
    expect(spreadOf([], ({ dumpBytes }) => dumpBytes)).toBeUndefined();
  });

  test('says of each crash what it is judged by, where a column has several', () => {
    const crash = (captureCpus: number, dumped: number) => ({ ...CAPTURE, captureCpus, pages: { dumped } });
    const results = [
      { name: 'a', captures: [crash(2, 20150), crash(1, 41115)] },
      { name: 'b', captures: [CAPTURE] },
    ];
    expect(captureTable(results)).toMatch(/CPUs of the crash kernel +1\.5 \(1–2\) +-$/m);
    expect(captureTable(results)).toMatch(/pages kept +30633 \(20150–41115\) +-$/m);
    expect(crashTable(results).split('\n')).toEqual([
      expect.stringMatching(/^ +CPUs of the crash kernel +pages kept +dump +capture kernel to reboot +CPU/),
      expect.stringMatching(/^ {2}a, 6\.1\.0-1-cloud, 1 +2 +20150 +16\.0 MB +20\.0 s +-$/),
      expect.stringMatching(/^ {2}a, 6\.1\.0-1-cloud, 2 +1 +41115 +16\.0 MB +20\.0 s +-$/),
      expect.stringMatching(/^ {2}b, 6\.1\.0-1-cloud, 1 +- +- +16\.0 MB +20\.0 s +-$/),
    ]);
    expect(crashTable(results.slice(1))).toBe('');
  });

  test('ours are compared with another program’s of the same kernel', () => {
    const theirs = { name: 'kdump-tools', captures: [lasting(60), lasting(90), lasting(80)] };
    const ours = { name: KDUMPLING, captures: [lasting(20), lasting(40), lasting(25)] };
    expect(comparisons([ours, theirs])).toEqual([
      'capture kernel to reboot: kdumpling takes 0.31 of the time of kdump-tools',
    ]);
    const cpu = (captureCpu: number) => ({
      ...CAPTURE,
      times: { captureKernel: 1, reboot: 21, captureCpu },
    });
    expect(
      comparisons([
        { name: KDUMPLING, captures: [cpu(10)] },
        { name: 'kdump-tools', captures: [cpu(40)] },
      ]),
    ).toEqual([
      'capture kernel to reboot: kdumpling takes 1.00 of the time and 0.25 of the CPU time of kdump-tools',
    ]);
    const newer = { name: KDUMPLING, captures: [{ ...lasting(20), kernel: '6.12.1-cloud-amd64' }] };
    expect(comparisons([newer, theirs])).toEqual([]);
    const dumpOnly = { name: KDUMPLING_DUMP_ONLY, captures: [lasting(16)] };
    expect(comparisons([ours, dumpOnly, theirs])).toEqual([
      'capture kernel to reboot: kdumpling takes 0.31 of the time of kdump-tools',
      'capture kernel to reboot: kdumpling-dump-only takes 0.20 of the time of kdump-tools',
    ]);
    expect(comparisons([ours, dumpOnly])).toEqual([]);
  });
});

describe('bars', () => {
  test('are as long as the time, and each segment has one', () => {
    expect(
      segmentBars([
        { name: 'boot', seconds: 10 },
        { name: 'first kernel', seconds: 5 },
        { name: 'open', seconds: 0.01 },
      ]),
    ).toEqual([
      `boot           10.0 s  ${'█'.repeat(40)}`,
      `first kernel    5.0 s  ${'█'.repeat(20)}`,
      'open            0.0 s  ▏',
    ]);
    expect(segmentBars([])).toEqual([]);
  });

  test('of several captures are medians, of a segment that not all have too', () => {
    const segments = (...seconds: number[]) => ({
      ...CAPTURE,
      segments: ['boot', 'dump', 'extra'].slice(0, seconds.length).map((name, nth) => ({
        name,
        seconds: seconds[nth]!,
      })),
    });
    expect(brief(medianSegments([segments(1, 5), segments(3, 2, 9), segments(2, 4)]))).toEqual([
      'boot 2',
      'dump 4',
      'extra 9',
    ]);
  });

  test('of all programs have one scale, between the table and the comparison', () => {
    const slow = { ...CAPTURE, segments: [{ name: 'boot', seconds: 40 }] };
    const text = describeCaptures([
      { name: KDUMPLING, captures: [CAPTURE] },
      { name: 'kdump-tools', captures: [slow] },
    ]);
    expect(text).toMatch(/load of the host.*\n\n {2}kdumpling, 6\.1\.0-1-cloud\n/);
    expect(text).toMatch(/█\n\n.* takes 1\.00 of the time of kdump-tools$/);
    expect(text).toContain(`boot    20.0 s  ${'█'.repeat(20)}\n`);
    expect(text).toContain(`boot   40.0 s  ${'█'.repeat(40)}`);
  });
});

describe('the steps of a run', () => {
  const brief = (steps: ReturnType<typeof timesSteps>) => steps.map(({ name, part }) => `${name}/${part}`);

  test('a story has its machine', () => {
    const steps = storySteps(STORIES, 3);
    expect(brief(steps)).toEqual(['kdumpling/', 'kdump-tools/']);
    expect(steps.map((_, index) => isDiskNeeded(steps, index))).toEqual([false, false]);
  });

  test('for the times all are installed, then they crash in turn', () => {
    const steps = timesSteps(TIMED, 2);
    expect(brief(steps)).toEqual([
      'kdumpling/install',
      'kdumpling-dump-only/install',
      'kdumpling-lzo/install',
      'kdump-tools/install',
      'kdumpling/crash-1',
      'kdumpling-dump-only/crash-1',
      'kdumpling-lzo/crash-1',
      'kdump-tools/crash-1',
      'kdumpling/crash-2',
      'kdumpling-dump-only/crash-2',
      'kdumpling-lzo/crash-2',
      'kdump-tools/crash-2',
    ]);
    const needed = steps.map((_, index) => isDiskNeeded(steps, index));
    expect(needed).toEqual([...Array(8).fill(true), ...Array(4).fill(false)]);
  });
});

const PAGES = { total: 100, dumped: 10, zero: 1, unreadable: 0 };

/** A guest of 1 GiB that is armed, crashes when it is asked to, and then has a dump. */
function fakeGuest(seconds: Record<string, number>) {
  const shown: SerialLine[] = [];
  const commands: string[] = [];
  const answer = (command: string): string => {
    commands.push(command);
    if (command === 'uname -r') return '6.1.0-1-cloud-amd64\n';
    if (command.includes('kexec_crash_size')) return String(160 << 20);
    if (command.includes('kexec_crash_loaded')) return '1';
    if (command.startsWith('stat -c %s')) return '16000000\n';
    if (command.startsWith('kdumpling dump')) return 'standard output: 21 of 90 pages, not compressed';
    if (command.includes('manifest.json')) return JSON.stringify({ seconds, dump: { pages: PAGES } });
    return '';
  };
  const agent: Agent = {
    untilBoot: async () => {},
    run: async command => ({ exitCode: 0, output: answer(command) }),
    must: async command => answer(command),
    send: command => {
      commands.push(command);
      shown.push(...lines(...OURS_ON_CONSOLE));
    },
    close: () => {},
  };
  const { signal } = new AbortController();
  const guest: Guest = { arch, agent, lines: shown, signal, reset: async () => {} };
  return { guest, commands };
}

function fakeTeller() {
  const captures: Capture[] = [];
  const checks: string[] = [];
  const teller: Teller = {
    say: () => {},
    check: (what, holds) => void checks.push(`${what}: ${holds}`),
    capture: capture => void captures.push(capture),
  };
  return { teller, captures, checks };
}

describe('a crash for its times', () => {
  test('removes earlier dumps, and takes ours apart by the manifest', async () => {
    const { guest, commands } = fakeGuest({ boot: 1, dump: 1.5, verify: 0.25 });
    const { teller, captures, checks } = fakeTeller();
    await TIMED[0]!.crash(guest, teller);
    expect(checks).toEqual(['it is armed: true', 'it captured: true']);
    expect(captures).toHaveLength(1);
    expect(captures[0]).toMatchObject({
      kernel: '6.1.0-1-cloud-amd64',
      dumpBytes: 16e6,
      crashkernelMib: 160,
      pages: PAGES,
      times: { captureKernel: 1, reboot: 5, login: 6 },
    });
    expect(brief(captures[0]!.segments)).toEqual([
      'kexec 1',
      'boot 1',
      'dump 1.5',
      'verify 0.25',
      'other 0.25',
      'reboot 1',
      'first kernel 1',
    ]);
    const removal = commands.findIndex(command => command.includes('rm -r'));
    expect(removal).toBeGreaterThan(0);
    expect(commands.findIndex(command => command.includes('sysrq'))).toBeGreaterThan(removal);
  });

  /** Capture options of the packaged kdump.conf, as the program's installation changes it. */
  async function optionsOf(name: string) {
    const { guest, commands } = fakeGuest({});
    await TIMED.find(peer => peer.name === name)!.prepare(guest, fakeTeller().teller);
    const install = commands.find(command => command.includes('kdump.conf'))!;
    const directory = mkdtempSync(join(tmpdir(), 'kdumpling-peer-'));
    try {
      const config = join(directory, 'kdump.conf');
      writeFileSync(config, PACKAGED_CONFIG);
      const lines = install.split('\n').filter(line => line.includes('/etc/kdump.conf'));
      execFileSync('sh', ['-c', lines.join('\n').replaceAll('/etc/kdump.conf', config)]);
      return settingsOf(readFileSync(config, 'utf8'), 'kdump.conf').options;
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  test.each([
    [KDUMPLING_DUMP_ONLY, { autopsy: 'no', triage: 'no' }],
    [KDUMPLING_LZO, { codec: 'lzo' }],
  ])('%s is like ours, but for %j', async (name, options) => {
    const ours = await optionsOf(KDUMPLING);
    expect(ours).toMatchObject({ codec: 'zstd', crashLoop: '0' });
    expect(await optionsOf(name)).toEqual({ ...ours, ...options });
  });

  test('a story makes it as often as asked', async () => {
    const story = STORIES.find(({ name }) => name === 'kdump-tools')!;
    const { teller, captures, checks } = fakeTeller();
    await story.run(fakeGuest({}).guest, teller, 3);
    expect(captures).toHaveLength(3);
    expect(captures[0]!.pages).toEqual({ dumped: 21 });
    expect(checks.filter(check => check === 'it captured: true')).toHaveLength(3);
  });
});
