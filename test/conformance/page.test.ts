/** The report's page, looked at in Chromium: what a dump says does not run, the style applies, and it fits a phone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Autopsy } from '../../capture/autopsy/summary/autopsy.ts';
import { type CrashReport, reportOf } from '../../scripts/lib/report/crash-report.ts';
import { htmlPage } from '../../scripts/lib/report/page/page.ts';
import { type Browser, openBrowser } from '../support/browser.ts';
import { HOSTILE, hostileCopy } from '../support/hostile.ts';
import { AUTOPSY } from '../unit/scripts/report/page/sample.ts';
import { isFullRun } from './vmcores.ts';

const REPORT = reportOf(
  { id: '1', directory: '/d', state: 'complete', time: new Date(0), timeBy: 'clock', files: [] },
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

  test('by night it is another picture than by day', () => {
    const night = ['--blink-settings=preferredColorScheme=0'];
    const [day, dark] = [browser.screenshot(PAGE, 1280, 900), browser.screenshot(PAGE, 1280, 900, night)];
    expect(day.length).toBeGreaterThan(50_000);
    expect(dark.equals(day)).toBe(false);
  });
});
