/** The page of one run: its checks, its times, the report of the crash, and the serial log with our lines highlighted. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HUNG_BOOT_LOG } from '../run/boot-again.ts';
import { REPORT_FILE } from '../run/directory.ts';
import { segmentsOf } from '../run/segments.ts';
import { barHtml, legendHtml } from './bar-html.ts';
import { escapeHtml, page } from './html.ts';
import type { Run } from './runs.ts';

export function runPage(run: Run): string {
  const { name, verdict, trigger, fault, geometry, kernel, directory } = run;
  const segments = segmentsOf(run.phases);
  const total = segments.reduce((sum, { seconds }) => sum + seconds, 0);
  const body = [
    `<p><a href="../index.html">all runs</a></p>`,
    `<h1>${escapeHtml(name)} <span class="badge ${verdict}">${verdict}</span></h1>`,
    `<p>${escapeHtml(`${kernel.release} (${kernel.origin}), trigger ${trigger}, fault ${fault}, geometry ${geometry}`)}</p>`,
    ...(run.reason ? [`<p>${escapeHtml(run.reason)}</p>`] : []),
    filesHtml(directory),
    checksHtml(run),
    ...(total > 0
      ? [
          `<h2>From the panic to the machine’s return: ${total.toFixed(1)} s</h2>`,
          barHtml(segments, total),
          legendHtml(segments),
        ]
      : []),
    fileHtml('The crash', join(directory, REPORT_FILE)),
    fileHtml('QEMU', join(directory, 'qemu.txt')),
    serialHtml(join(directory, 'serial.log')),
  ];
  return page(name, body.filter(part => part !== '').join('\n'));
}

/** What a person opens next, where the run has it. */
const FILES = [
  'serial.log',
  HUNG_BOOT_LOG,
  'captured/crash',
  'summary.json',
  REPORT_FILE,
  'qemu.txt',
  'disk.img',
];

function filesHtml(directory: string): string {
  const links = FILES.filter(name => existsSync(join(directory, name))).map(
    name => `<a href="${name}">${name}</a>`,
  );
  return links.length > 0 ? `<p>Files: ${links.join(', ')}</p>` : '';
}

/** What does not hold comes first. */
function checksHtml({ expectations = [] }: Run): string {
  const sorted = [...expectations].sort((a, b) => Number(a.holds) - Number(b.holds));
  const rows = sorted.map(
    ({ what, holds, saw }) =>
      `<tr${holds ? '' : ' class="broken"'}><td><span class="badge ${holds ? 'passed' : 'failed'}">${holds ? '✓' : '✗'}</span></td><td>${escapeHtml(what)}</td><td>${escapeHtml(saw)}</td></tr>`,
  );
  if (rows.length === 0) return '';
  return ['<table class="checks"><tr><th></th><th>expected</th><th>seen</th></tr>', ...rows, '</table>'].join(
    '\n',
  );
}

function fileHtml(title: string, path: string): string {
  if (!existsSync(path)) return '';
  return `<h2>${title}</h2>\n<pre>${escapeHtml(readFileSync(path, 'utf8').trimEnd())}</pre>`;
}

/** The first that fits. */
const LINES: readonly { readonly pattern: RegExp; readonly style: string }[] = [
  { pattern: /kdumpling: /, style: 'ours' },
  { pattern: /^lab: /, style: 'station' },
  { pattern: /Kernel panic|BUG: |Oops|: [0-9a-f]{4} \[#\d+\]|RIP: 0010:/, style: 'crash' },
];

function serialHtml(path: string): string {
  if (!existsSync(path)) return '';
  const lines = readFileSync(path, 'utf8')
    .split(/\r*\n/)
    .map(line => {
      const style = LINES.find(({ pattern }) => pattern.test(line))?.style;
      const text = escapeHtml(line);
      return style ? `<span class="${style}">${text}</span>` : text;
    });
  return `<h2>Serial console</h2>\n<pre class="serial">${lines.join('\n')}</pre>`;
}
