/** The report's page, looked at in Chromium: what a dump says does not run, the style applies, and it fits a phone. */
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Autopsy } from '../../capture/autopsy/summary/autopsy.ts';
import { type CrashReport, reportOf } from '../../scripts/lib/report/crash-report.ts';
import { htmlPage } from '../../scripts/lib/report/page/page.ts';
import { type Browser, openBrowser } from '../support/browser.ts';
import { DUMP } from '../support/found-dump.ts';
import { HOSTILE, hostileCopy } from '../support/hostile.ts';
import { AUTOPSY } from '../unit/scripts/report/page/sample.ts';
import { isFullRun } from './vmcores.ts';

const REPORT = reportOf(
  DUMP,
  '[    1.0] Kernel panic - not syncing: sysrq triggered crash\n',
  'web7',
  AUTOPSY,
);
const PAGE = htmlPage(REPORT, AUTOPSY);
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '"': '&quot;', '<': '&lt;' };

/** The page in a frame of that width, and what a script outside of it measures, as JSON. */
function measured(page: string, widthPx: number): string {
  const text = page.replace(/[&"<]/g, char => ESCAPES[char]!);
  return `<!DOCTYPE html><title>outside</title><iframe width="${widthPx}" height="900" srcdoc="${text}"></iframe><pre></pre><script>
  onload = () => {
    const { contentDocument: page, contentWindow: view } = document.querySelector('iframe');
    const style = element => view.getComputedStyle(page.querySelector(element));
    const wide = [...page.querySelectorAll('body *')].filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > ${widthPx} + 1);
    document.querySelector('pre').textContent = JSON.stringify({
      title: page.title, scripts: page.scripts.length, frames: page.querySelectorAll('iframe, img, base, object').length,
      handlers: [...page.querySelectorAll('*')].filter(e => e.getAttributeNames().some(name => name.startsWith('on'))).length,
      scrollWidth: page.documentElement.scrollWidth, wide: wide.slice(0, 5).map(e => e.outerHTML.slice(0, 120)),
      columns: style('section').gridTemplateColumns.split(' ').length, heading: style('h1').fontFamily,
      sections: page.querySelectorAll('section').length, outside: document.title,
      scrolled: [...page.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length,
      folded: [...page.querySelectorAll('details > :not(summary)')].filter(e => !e.checkVisibility()).length,
    });
  };</script>`;
}

interface Measured {
  readonly title: string;
  readonly scripts: number;
  readonly frames: number;
  readonly handlers: number;
  readonly scrollWidth: number;
  readonly wide: readonly string[];
  readonly columns: number;
  readonly heading: string;
  readonly sections: number;
  readonly outside: string;
  /** How many parts of it have to be scrolled sideways to be seen whole. */
  readonly scrolled: number;
  /** How many folded parts are not shown. */
  readonly folded: number;
}

describe.runIf(isFullRun())('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  const measure = (page: string, widthPx: number): Measured => {
    const dom = browser.domOf(measured(page, widthPx));
    const json = /<pre>(.*)<\/pre>/s.exec(dom)![1]!;
    return JSON.parse(
      json.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    ) as Measured;
  };

  test.each([
    [390, 1],
    [1280, 2],
  ])('at %i pixels nothing is cut off, and there are %i columns', (widthPx, columns) => {
    const found = measure(PAGE, widthPx);
    expect(found).toMatchObject({ sections: 8, columns, wide: [], title: REPORT.summary });
    expect(found.scrollWidth).toBeLessThanOrEqual(widthPx);
    expect(found.heading).toContain('Palatino');
  });

  test.each(HOSTILE.map((text, seed) => [text, seed] as const))('%s does not run', (_, seed) => {
    const page = htmlPage(
      hostileCopy<CrashReport>(REPORT, key => ['by', 'stackFrom'].includes(key), seed),
      hostileCopy<Autopsy>(AUTOPSY, () => false, seed),
    );
    const found = measure(page, 390);
    expect(found).toMatchObject({ scripts: 0, frames: 0, handlers: 0, outside: 'outside', sections: 8 });
    expect(found.title).not.toBe('PWNED');
  });

  test('markup that got past the escaping would not run either: the policy stops it', () => {
    const planted = (page: string) =>
      page.replace('</main>', `<script>document.title="PWNED"</script></main>`);
    expect(measure(planted(PAGE), 1280).title).toBe(REPORT.summary);
    const unguarded = planted(PAGE.replace(/<meta http-equiv[^>]*>/, ''));
    expect(measure(unguarded, 1280).title).toBe('PWNED');
  });

  describe('on paper', () => {
    /** The rules for paper apply everywhere; the policy allows the style as it is, and only that. */
    const onPaper = (page: string) =>
      page.replace('@media print', '@media all').replace(/<meta http-equiv[^>]*>/, '');
    /** Of A4 without its margins, at 96 dots per inch. */
    const PAPER_PX = 680;
    const chain = Array.from({ length: 14 }, (_, i) => ({
      task: { pid: 900 + i, comm: `waiter-number-${i}` },
      state: 'D',
      kind: 'mutex',
      lock: `a_lock_with_a_long_name_${i}`,
      owner: { pid: 901 + i, comm: `waiter-number-${i + 1}` },
    }));

    test('nothing is cut off, and folded parts are open', () => {
      const found = measure(onPaper(htmlPage(REPORT, { ...AUTOPSY, waits: chain })), PAPER_PX);
      expect(found).toMatchObject({ sections: 8, wide: [], scrolled: 0, folded: 0 });
      expect(measure(PAGE, PAPER_PX).folded).toBeGreaterThan(5);
    });

    test('it is printed by night as by day, on white, with all that is folded', () => {
      const night = ['--blink-settings=preferredColorScheme=0'];
      const [day, dark] = [printed(browser.pdf(PAGE)), printed(browser.pdf(PAGE, night))];
      expect(dark).toEqual(day);
      expect(day.pages).toBeGreaterThan(1);
      const open = printed(browser.pdf(PAGE.replaceAll('<details', '<details open')));
      // Each has a sign of its own for whether it is open.
      expect(Math.abs(open.glyphs - day.glyphs)).toBeLessThan(20);
      expect(day.colors).toContain('1 1 1');
      expect(day.colors.filter(color => color.split(' ').every(part => Number(part) < 0.2))).toEqual([
        '0 0 0',
      ]);
    });
  });

  test('by night it is another picture than by day', () => {
    const night = ['--blink-settings=preferredColorScheme=0'];
    const [day, dark] = [browser.screenshot(PAGE, 1280, 900), browser.screenshot(PAGE, 1280, 900, night)];
    expect(day.length).toBeGreaterThan(50_000);
    expect(dark.equals(day)).toBe(false);
  });
});

/** What a PDF's page contents have: they are the compressed streams that choose a font or fill. (ISO 32000-1) */
function printed(pdf: Buffer): { pages: number; glyphs: number; colors: readonly string[] } {
  const text = pdf.toString('latin1');
  let content = '';
  for (const { index, 0: mark } of text.matchAll(/stream\r?\n/g)) {
    const start = index + mark.length;
    try {
      const stream = inflateSync(pdf.subarray(start, text.indexOf('endstream', start))).toString('latin1');
      if (/ Tf\b| re\n/.test(stream)) content += stream;
    } catch {
      // A picture or a font.
    }
  }
  const shown = [...content.matchAll(/<([0-9A-Fa-f]+)>/g)];
  return {
    pages: text.match(/\/Type \/Page\b/g)?.length ?? 0,
    glyphs: shown.reduce((sum, [, hex]) => sum + hex!.length / 4, 0),
    colors: [...new Set([...content.matchAll(/([\d.]+ [\d.]+ [\d.]+) rg/g)].map(([, color]) => color!))],
  };
}
