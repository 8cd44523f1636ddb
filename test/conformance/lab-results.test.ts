/** The page of the lab's runs, looked at in Chromium: the grid's cells, their colours, and a click into a run. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publishResults } from '../../qemu/results/publish.ts';
import { type Browser, openBrowser } from '../support/browser.ts';
import { isFullRun } from './vmcores.ts';

const RUN = '20261128T100000Z-null';

/** The page, and what a script in a frame beside it measures, as JSON. */
function measured(page: string): string {
  return page.replace(
    '</body>',
    `<pre id="measured"></pre><script>
    const cells = [...document.querySelectorAll('td.verdict a')];
    document.querySelector('#measured').textContent = JSON.stringify(cells.map(cell => ({
      text: cell.textContent, colour: getComputedStyle(cell).backgroundColor, href: cell.getAttribute('href'),
      visible: cell.getBoundingClientRect().width > 20,
    })));</script></body>`,
  );
}

interface Cell {
  readonly text: string;
  readonly colour: string;
  readonly href: string;
  readonly visible: boolean;
}

describe.runIf(isFullRun())('in Chromium', () => {
  let browser: Browser;
  let runs: string;
  let index: string;
  beforeAll(async () => {
    browser = await openBrowser();
    runs = mkdtempSync(join(tmpdir(), 'kdumpling-lab-results-'));
    for (const [name, trigger, verdict] of [
      [RUN, 'null', 'passed'],
      ['20261128T110000Z-bug', 'bug', 'failed'],
    ] as const) {
      mkdirSync(join(runs, name));
      const kernel = { release: '6.1.0-56-cloud-amd64', origin: 'Debian 6.1.192-2' };
      const summary = { verdict, trigger, fault: 'none', geometry: 'bios', kernel };
      writeFileSync(join(runs, name, 'summary.json'), JSON.stringify(summary));
      writeFileSync(join(runs, name, 'serial.log'), 'lab: armed\nkdumpling: start: PID 1\n');
    }
    index = readFileSync(publishResults(runs), 'utf8');
  });
  afterAll(() => {
    browser?.close();
    rmSync(runs, { recursive: true });
  });

  test('each cell has its verdict and its colour, and a click leads to the run', () => {
    const json = /<pre id="measured">(.*)<\/pre>/s.exec(browser.domOf(measured(index)))![1]!;
    const cells = JSON.parse(json) as Cell[];
    expect(cells.map(({ text }) => text)).toEqual(['failed', 'passed']);
    expect(new Set(cells.map(({ colour }) => colour)).size).toBe(2);
    expect(cells.every(({ visible }) => visible)).toBe(true);
    const page = browser.domOf(readFileSync(join(runs, cells[1]!.href), 'utf8'));
    expect(page).toContain(`<h1>${RUN} <span class="badge passed">`);
    expect(page).toContain('<span class="ours">kdumpling: start: PID 1</span>');
  });

  test('a screenshot shows more than an empty page', () => {
    const empty = browser.screenshot('<!doctype html><title>empty</title>', 1200, 600);
    expect(browser.screenshot(index, 1200, 600).length).toBeGreaterThan(2 * empty.length);
  });
});
