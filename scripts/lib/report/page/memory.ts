/** Memory: each range as a strip that shows what its pages were used for and which of them the dump holds, and the sums. */
import {
  type Autopsy,
  isMissing,
  type MemoryMap,
  type MemoryRange,
  PAGE_USES,
  type PageUse,
} from '../../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../../capture/errors.ts';
import { byteSize } from './byte-size.ts';
import { html, type Markup } from './markup.ts';
import { missing, type Section } from './section.ts';

const USES: Readonly<Record<PageUse, string>> = {
  kernel: 'Kernel',
  cache: 'File cache',
  user: 'Programs',
  free: 'Free',
  poisoned: 'Broken or offline',
};
const STRIP = 100;
/** Rows of /proc/meminfo that people look at first. */
const FIRST = [
  'MemTotal',
  'MemFree',
  'MemAvailable',
  'AnonPages',
  'Slab',
  'SUnreclaim',
  'Shmem',
  'PageTables',
  'KernelStack',
];

export function memorySection({ memory, meminfo }: Autopsy): Section {
  const isKnown = !isMissing(memory);
  const pages = isKnown ? memory.ranges.reduce((sum, range) => sum + range.pages, 0) : 0;
  return {
    id: 'memory',
    title: 'Memory',
    ...(isKnown && {
      note: `${byteSize(pages * memory.pageSizeBytes)} in ${counted(memory.ranges.length, 'range')}. A strip shows the use of its pages from low to high addresses; the line below it, the part that the dump holds.`,
    }),
    body: [
      isKnown ? [useTable(memory), strips(memory)] : missing(memory.missing),
      isMissing(meminfo)
        ? [html`<h3>Memory use</h3>`, missing(meminfo.missing)]
        : [html`<h3>Memory use, as /proc/meminfo counts it</h3>`, meminfoTable(meminfo)],
    ],
  };
}

function useTable({ uses, held, pageSizeBytes }: MemoryMap): Markup {
  const total = Object.values(uses).reduce((sum, count) => sum + count, 0);
  const used = PAGE_USES.filter(use => (uses[use] ?? 0) > 0);
  return html`<table><tr><th>use</th><th class="r">size</th><th class="r">share</th><th class="r">in the dump</th><th></th></tr>${used.map(
    use => {
      const count = uses[use]!;
      const share = (100 * count) / total;
      const kept = (100 * (held[use] ?? 0)) / count;
      return html`<tr><td><svg class="key" viewBox="0 0 1 1"><rect class="${use}" width="1" height="1"/></svg>${USES[use]}</td><td class="r">${byteSize(count * pageSizeBytes)}</td><td class="r">${percent(share)}</td><td class="r">${percent(kept)}</td><td class="bar"><svg viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="${percent(share)}"><rect class="${use}" width="${share.toFixed(2)}" height="1"/></svg></td></tr>`;
    },
  )}</table>`;
}

function percent(value: number): string {
  return `${value > 0 && value < 0.1 ? '< 0.1' : value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

function strips({ ranges, pageSizeBytes }: MemoryMap): Markup {
  const largest = Math.max(...ranges.map(({ pages }) => pages));
  return html`<h3>Ranges</h3>${ranges.map(range => strip(range, pageSizeBytes, largest))}`;
}

function strip({ start, end, pages, cells }: MemoryRange, pageSizeBytes: number, largest: number): Markup {
  const width = `${Math.max(2, (100 * pages) / largest).toFixed(1)}%`;
  const box = `0 0 ${cells.length} ${STRIP}`;
  return html`<figure class="range"><figcaption><span class="mono">${start} – ${end}</span><span>${byteSize(pages * pageSizeBytes)}, ${heldPercent(cells)} in the dump</span></figcaption><svg class="strip" width="${width}" viewBox="${box}" preserveAspectRatio="none" role="img" aria-label="Use of pages from ${start} to ${end}">${PAGE_USES.map(
    use => columns(use, cells),
  )}</svg><svg class="kept" width="${width}" viewBox="${box}" preserveAspectRatio="none" role="img" aria-label="What the dump holds"><path class="held" d="${cells
    .map(({ held, pages: all }, x) => bar(x, STRIP - (STRIP * held) / all, (STRIP * held) / all))
    .join('')}"/></svg></figure>`;
}

function heldPercent(cells: MemoryRange['cells']): string {
  const sum = (key: 'held' | 'pages') => cells.reduce((total, cell) => total + cell[key], 0);
  return percent((100 * sum('held')) / sum('pages'));
}

/** One use of all cells as a single path; uses are stacked in the order of PAGE_USES, the kernel lowest. */
function columns(use: PageUse, cells: MemoryRange['cells']): Markup | undefined {
  const before = PAGE_USES.slice(0, PAGE_USES.indexOf(use));
  const bars = cells.map(({ uses }, x) => {
    const total = Object.values(uses).reduce((sum, count) => sum + count, 0);
    const below = before.reduce((sum, other) => sum + (uses[other] ?? 0), 0);
    const tall = (STRIP * (uses[use] ?? 0)) / total;
    return tall > 0 ? bar(x, STRIP - (STRIP * below) / total - tall, tall) : '';
  });
  const path = bars.join('');
  return path === '' ? undefined : html`<path class="${use}" d="${path}"/>`;
}

function bar(x: number, y: number, tall: number): string {
  return tall > 0 ? `M${x} ${number(y)}h1v${number(tall)}h-1z` : '';
}

function number(value: number): string {
  return String(Number(value.toFixed(1)));
}

function meminfoTable(meminfo: Readonly<Record<string, number>>): Markup {
  const names = Object.keys(meminfo);
  const first = FIRST.filter(name => names.includes(name));
  const rest = names.filter(name => !first.includes(name));
  const rows = (shown: readonly string[]) =>
    html`<dl class="sums">${shown.map(name => html`<div><dt>${name}</dt><dd>${byteSize(meminfo[name]! * 1024)}</dd></div>`)}</dl>`;
  return html`${rows(first)}${rest.length > 0 && html`<details><summary><span>${counted(rest.length, 'more row')}</span></summary>${rows(rest)}</details>`}`;
}
