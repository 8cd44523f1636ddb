/** A stacked bar: one part for each segment, as wide as its share of the time. */
import type { Segment } from '../run/segments.ts';
import { escapeHtml } from './html.ts';

const COLOURS: Readonly<Record<string, string>> = {
  kexec: '#546e7a',
  boot: '#6d4c41',
  open: '#8d6e63',
  target: '#00838f',
  dmesg: '#283593',
  autopsy: '#0277bd',
  plan: '#558b2f',
  space: '#9e9d24',
  triage: '#5e35b1',
  dump: '#ad1457',
  verify: '#6a1b9a',
  commit: '#ef6c00',
  retention: '#a1887f',
  reboot: '#455a64',
  'first kernel': '#78909c',
};
/** What no row names, and what is left of the capture's time. */
const OTHER_COLOUR = '#9e9e9e';
/** Narrower parts of a bar have no room for their names. */
const NAMED_FROM = 0.06;

/** @param longest seconds of the whole width. */
export function barHtml(segments: readonly Segment[], longest: number): string {
  const parts = segments.map(({ name, seconds }) => {
    const share = seconds / longest;
    const colour = COLOURS[name] ?? OTHER_COLOUR;
    const label = share >= NAMED_FROM ? escapeHtml(name) : '';
    return `<span style="width:${(100 * share).toFixed(2)}%;background:${colour}" title="${escapeHtml(name)} ${seconds.toFixed(1)} s">${label}</span>`;
  });
  return `<div class="bar">${parts.join('')}</div>`;
}

/** Each segment by name, for bars whose parts are too narrow for it. */
export function legendHtml(segments: readonly Segment[]): string {
  const parts = segments.map(
    ({ name, seconds }) =>
      `<li><span style="background:${COLOURS[name] ?? OTHER_COLOUR}"></span>${escapeHtml(name)} ${seconds.toFixed(1)} s</li>`,
  );
  return `<ul class="legend">${parts.join('')}</ul>`;
}
