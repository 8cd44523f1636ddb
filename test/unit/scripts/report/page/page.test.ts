/** The web page of a report: complete, self-contained, and inert whatever the dump says. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Autopsy, AutopsyCpu, StackGroup } from '../../../../../capture/autopsy/summary/autopsy.ts';
import { type CrashReport, reportOf } from '../../../../../scripts/lib/report/crash-report.ts';
import { htmlPage } from '../../../../../scripts/lib/report/page/page.ts';
import { HOSTILE, hostileCopy } from '../../../../support/hostile.ts';
import { tagsOf } from '../../../../support/page-tags.ts';
import { AUTOPSY } from './sample.ts';

const LOG = readFileSync(join(import.meta.dirname, '../logs/6.1-null-pointer.txt'), 'utf8');
const REPORT = reportOf(
  {
    id: '20261126T100955Z',
    directory: '/var/crash/20261126T100955Z',
    state: 'complete',
    time: new Date('2026-11-26T10:09:55Z'),
    timeBy: 'clock',
    dumpFile: 'vmcore',
    logFile: 'vmcore-dmesg.txt',
    files: [],
  },
  LOG,
  'web7',
);
const PAGE = htmlPage(REPORT, AUTOPSY);
/** Tags cut out, for what a reader sees. */
const textOf = (page: string) =>
  page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

const TAGS =
  'html head meta title style body header footer main nav section a b i p h1 h2 h3 span code small ol ul li dl dt dd div table tr th td details summary figure figcaption svg g path rect text';
const ATTRIBUTES =
  'lang charset http-equiv content name id class href role width height viewBox preserveAspectRatio d x y rx title aria-label';

describe('with a hostile dump', () => {
  const OURS = ['format', 'by', 'state', 'stackFrom', 'context', 'class', 'start', 'end'];
  const pages = HOSTILE.map((_, seed) =>
    htmlPage(
      hostileCopy<CrashReport>(REPORT, key => ['by', 'stackFrom'].includes(key), seed),
      hostileCopy<Autopsy>(AUTOPSY, key => OURS.slice(0, 2).includes(key), seed),
    ),
  );

  test.each(pages.map((page, seed) => [HOSTILE[seed]!, page]))('%s first', (_, page) => {
    const tags = tagsOf(page);
    const allowed = { tags: TAGS.split(' '), attributes: ATTRIBUTES.split(' ') };
    expect([...new Set(tags.map(({ name }) => name))].filter(name => !allowed.tags.includes(name))).toEqual(
      [],
    );
    const attributes = new Set(tags.flatMap(tag => Object.keys(tag.attributes)));
    expect([...attributes].filter(name => !allowed.attributes.includes(name))).toEqual([]);
    // As many tags as there are for the same facts in harmless words: none came from the dump.
    expect(tags.filter(({ name }) => name === 'style' || name === 'meta')).toHaveLength(6);
    for (const { attributes: own } of tags) if (own.href) expect(own.href).toMatch(/^#[a-z]+$/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
  });

  test('the check notices what is not escaped', () => {
    const broken = PAGE.replace('</main>', `${HOSTILE[1]}</main>`);
    expect(() => tagsOf(broken)).toThrow();
  });
});

describe('self-contained', () => {
  test('allows its own style and nothing else', () => {
    const style = /<style>(.*)<\/style>/s.exec(PAGE)![1]!;
    const policy = tagsOf(PAGE).find(({ attributes }) => attributes['http-equiv'])!.attributes.content!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(policy.replaceAll('&#39;', "'")).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
  });

  test('the policy comes before all that it is to hold back', () => {
    expect(PAGE.indexOf('Content-Security-Policy')).toBeLessThan(PAGE.indexOf('<title>'));
    expect(PAGE).not.toMatch(/https?:|url\(|@import|<script|<link/);
  });

  test('its links lead to its own sections', () => {
    const tags = tagsOf(PAGE);
    const ids = tags.flatMap(({ attributes }) => attributes.id ?? []);
    const links = tags.flatMap(({ attributes }) => attributes.href ?? []);
    expect(links).toEqual(ids.map(id => `#${id}`));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

test('the crash in one paragraph, the stack with its culprit, and all that follows', () => {
  const text = textOf(PAGE);
  for (const words of [
    'Kernel code dereferenced a NULL pointer in labcrash_write [labcrash]',
    'web7 crashed on 26 November 2026 at 10:09:55 UTC after 23.2 s. CPU 1 of 4 ran insmod (pid 91).',
    'The kernel said: BUG: kernel NULL pointer dereference, address: 0000000000000018',
    '8 tasks were blocked; transfer-a (pid 500) and transfer-b (pid 501) wait for each other, which is a deadlock.',
    'A deadlock: 2 tasks wait for each other and can never run.',
    'holds it and runs on CPU 0',
    '2 idle CPUs number 2-3',
    '14× D rsync ext4_rename ‹ vfs_rename',
    'a module from outside of the kernel tree was loaded',
    '0x100000 – 0x3fe00000',
    'The crash begins here',
    'apt install linux-image-6.1.0-56-cloud-amd64-dbg',
  ])
    expect(text).toContain(words);
  expect(PAGE).toContain('<li class="hit"><i>0</i><span>labcrash_write<small>');
  expect(text).not.toMatch(/undefined|NaN|\[object/);
});

test('a part that is missing says why, in its place and at the end', () => {
  const missing = { missing: 'the dump has no kallsyms' };
  const page = htmlPage(REPORT, {
    format: 1,
    kernel: {},
    crash: missing,
    cpus: missing,
    stacks: missing,
    waits: missing,
    modules: missing,
    taints: missing,
    memory: missing,
    meminfo: missing,
    log: missing,
  });
  tagsOf(page);
  expect(textOf(page).match(/Not known: the dump has no kallsyms\./g)).toHaveLength(7);
  expect(textOf(page)).toContain('Memory map: the dump has no kallsyms');
});

test('a machine of any size gives a page that a browser opens', () => {
  const large: Autopsy = {
    ...AUTOPSY,
    cpus: Array.from({ length: 4096 }, (_, cpu) => ({
      ...(AUTOPSY.cpus as readonly AutopsyCpu[])[0]!,
      cpu,
    })),
    stacks: Array.from({ length: 20_000 }, () => (AUTOPSY.stacks as readonly StackGroup[])[0]!),
    waits: Array.from({ length: 20_000 }, (_, i) => ({
      task: { pid: i + 2, comm: 'w' },
      state: 'D',
      owner: { pid: i + 1, comm: 'w' },
    })),
  };
  const page = htmlPage(REPORT, large);
  expect(page.length).toBeLessThan(4 << 20);
  expect(textOf(page)).toContain('and 19801 more tasks');
});
