import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gridsOf } from '../../../../qemu/results/grid.ts';
import { escapeHtml } from '../../../../qemu/results/html.ts';
import { publishResults } from '../../../../qemu/results/publish.ts';
import { type Run, readRuns } from '../../../../qemu/results/runs.ts';
import { segmentsOf } from '../../../../qemu/run/segments.ts';

const PLAIN = {
  verdict: 'passed',
  fault: 'none',
  trigger: 'sysrq-c',
  geometry: 'bios',
  kernel: { release: '6.1.0-56-cloud-amd64', origin: 'Debian 6.1.192-2' },
} as const;
const PHASES = {
  lab: { panic: 10, 'capture kernel': 11, 'PID 1': 18, 'capture ended': 28, rebooted: 30, 'came home': 35 },
  capture: { boot: 7, target: 1, dmesg: 0.5, dump: 6 },
};

let runs: string;
beforeAll(() => {
  runs = mkdtempSync(join(tmpdir(), 'kdumpling-results-'));
  const make = (name: string, summary: object, files: Readonly<Record<string, string>> = {}) => {
    mkdirSync(join(runs, name));
    writeFileSync(join(runs, name, 'summary.json'), JSON.stringify(summary));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(runs, name, file), text);
  };
  make('20261128T100000Z-null', { ...PLAIN, trigger: 'null', verdict: 'failed' });
  make(
    '20261128T110000Z-null',
    {
      ...PLAIN,
      trigger: 'null',
      phases: PHASES,
      expectations: [{ what: 'one <dump>', holds: true, saw: '1 dump(s)' }],
    },
    {
      'serial.log': 'lab: armed\r\nkdumpling: start: PID 1\r\n[ 1.0] BUG: kernel NULL & more\r\nplain\r\n',
      'report.txt': 'Kernel code dereferenced a NULL pointer',
      'qemu.txt': 'qemu-system-x86_64 -m 1024\n',
    },
  );
  make('20261128T120000Z-lean', { ...PLAIN, fault: 'lean', verdict: 'lost', reason: 'no answer' });
  make('20261128T130000Z-uefi-null', { ...PLAIN, geometry: 'uefi', trigger: 'null', verdict: 'interrupted' });
  make('20261128T140000Z-vmcore', { verdict: 'lost' });
  mkdirSync(join(runs, 'no-run'));
});
afterAll(() => rmSync(runs, { recursive: true }));

test('what is no crash of the lab is left out', () => {
  expect(readRuns(runs).map(({ name }) => name.slice(17))).toEqual(['null', 'null', 'lean', 'uefi-null']);
  expect(readRuns(join(runs, 'no-such'))).toEqual([]);
});

test('a grid for each axis holds the newest verdict; what is unusual on several axes stands apart', () => {
  const grids = gridsOf(readRuns(runs)).map(({ title, rows }) => [
    title,
    ...rows.map(row => `${row.value}: ${row.runs.map(run => run?.verdict)}`),
  ]);
  expect(grids).toEqual([
    ['trigger', 'null: passed'],
    ['fault', 'lean: lost'],
    ['several axes', 'null + uefi: interrupted'],
  ]);
});

test('other options stand apart: alone, and with what else is unusual', () => {
  const run = (cell: object, more: Partial<Run> = {}): Run => ({
    ...PLAIN,
    ...more,
    cell,
    name: '',
    directory: '',
  });
  const grids = gridsOf([
    run({ kernel: '6.1-cloud', cpus: '4', bus: 'nvme' }),
    run({ kernel: '6.1-cloud', geometry: 'uefi', codec: 'lzo' }, { geometry: 'uefi' }),
    run({ kernel: '6.1-cloud' }),
    run({ kernel: '6.1-cloud', raw: 'true' }),
  ]);
  expect(grids.map(({ title, rows }) => [title, ...rows.map(({ value }) => value)])).toEqual([
    ['trigger', 'sysrq-c'],
    ['machine', 'cpus=4 bus=nvme', 'raw'],
    ['several axes', 'uefi + codec=lzo'],
  ]);
});

test('the columns are the kernels, in the order of their versions', () => {
  const on = (release: string): Run => ({
    ...PLAIN,
    kernel: { release, origin: '' },
    name: release,
    directory: '',
  });
  const [grid] = gridsOf([on('6.12.1'), on('6.1.9'), on('7.2.0')]);
  expect(grid!.kernels).toEqual(['6.1.9', '6.12.1', '7.2.0']);
});

test('the capture’s own phases stand between those of the machine, and fill its time', () => {
  const segments = segmentsOf(PHASES);
  expect(segments.map(({ name, seconds }) => `${name} ${seconds}`)).toEqual([
    'kexec 1',
    'boot 7',
    'target 1',
    'dmesg 0.5',
    'dump 6',
    'other 2.5',
    'reboot 2',
    'first kernel 5',
  ]);
  expect(segments.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(25);
  expect(segmentsOf(undefined)).toEqual([]);
});

test('the pages: a cell for each newest verdict, which leads to the run’s page', () => {
  const index = readFileSync(publishResults(runs), 'utf8');
  const cells = [...index.matchAll(/class="(\w+)" href="([^"]+)"/g)].map(([, verdict, href]) => ({
    verdict,
    href,
  }));
  expect(cells.map(({ verdict }) => verdict)).toEqual(['passed', 'lost', 'interrupted']);
  for (const { href } of cells) expect(existsSync(join(runs, decodeURIComponent(href!)))).toBe(true);
  expect(index).toMatch(/title="kexec 1\.0 s"/);
  expect(index).not.toMatch(/<script|https?:/);
});

test('a run’s page has its checks, the report, and the console with our lines and the crash highlighted', () => {
  publishResults(runs);
  const text = readFileSync(join(runs, '20261128T110000Z-null/index.html'), 'utf8');
  expect(text).toContain('<td>one &lt;dump&gt;</td><td>1 dump(s)</td>');
  expect(text).toContain('<pre>Kernel code dereferenced a NULL pointer</pre>');
  expect(text).toContain('<span class="station">lab: armed</span>');
  expect(text).toContain('<span class="ours">kdumpling: start: PID 1</span>');
  expect(text).toContain('<span class="crash">[ 1.0] BUG: kernel NULL &amp; more</span>');
  expect(text).toContain('\nplain');
});

test('what did not pass stands first, with what was expected and seen; an older failure does not', () => {
  const failing = mkdtempSync(join(tmpdir(), 'kdumpling-failing-'));
  const make = (name: string, summary: object) => {
    mkdirSync(join(failing, name));
    writeFileSync(join(failing, name, 'summary.json'), JSON.stringify({ ...PLAIN, ...summary }));
  };
  const expectations = [
    { what: 'one dump', holds: true, saw: '1 dump(s)' },
    { what: 'the panic is <known>', holds: false, saw: 'no panic' },
  ];
  make('20261128T100000Z-bug', { trigger: 'bug', verdict: 'failed', expectations });
  make('20261128T110000Z-bug', { trigger: 'bug' });
  make('20261128T120000Z-oom', { trigger: 'oom', verdict: 'failed', expectations });
  try {
    const index = readFileSync(publishResults(failing), 'utf8');
    const section = /<h2>Not passed<\/h2>(.*?)<\/table>/s.exec(index)![1]!;
    expect(section).toContain('<b>the panic is &lt;known&gt;</b><br>saw: no panic');
    expect(section).toContain('href="20261128T120000Z-oom/index.html"');
    expect(section).not.toContain('bug');
    expect(section).not.toContain('one dump');
    const run = readFileSync(join(failing, '20261128T120000Z-oom/index.html'), 'utf8');
    expect(run).toMatch(/<th>expected<\/th><th>seen<\/th>.*class="broken".*the panic is.*one dump/s);
    expect(run).toContain('<a href="summary.json">summary.json</a>');
    expect(run).not.toContain('href="serial.log"');
  } finally {
    rmSync(failing, { recursive: true });
  }
});

test('a run’s page names each part of its bar, with its time', () => {
  publishResults(runs);
  const text = readFileSync(join(runs, '20261128T110000Z-null/index.html'), 'utf8');
  expect(text).toContain('From the panic to the machine’s return: 25.0 s');
  expect(text).toMatch(/<\/span>dmesg 0\.5 s<\/li>/);
});

test('the same as JSON and as Markdown', () => {
  publishResults(runs);
  const { format, runs: all } = JSON.parse(readFileSync(join(runs, 'results.json'), 'utf8'));
  expect(format).toBe(1);
  expect(all).toHaveLength(4);
  const text = readFileSync(join(runs, 'results.md'), 'utf8');
  expect(text).toContain('| trigger | 6.1.0-56-cloud-amd64 |\n| --- | --- |\n| `null` | passed |');
});

test('a console’s colours and other control characters do not reach the page', () => {
  expect(escapeHtml('\x1b[31mred\x1b[0m\r\n<b>\t"')).toBe('[31mred[0m\n&lt;b&gt;\t&quot;');
});
