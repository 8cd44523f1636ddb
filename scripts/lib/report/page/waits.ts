/** Blocked tasks: who waits for whom as a drawing, and those whose holder is not known as a list. */
import {
  type Autopsy,
  type AutopsyCpu,
  present,
  type Wait,
} from '../../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../../capture/errors.ts';
import { type WaitRow, waitRows } from '../wait-forest.ts';
import { html, type Markup } from './markup.ts';
import { partSection, type Section } from './section.ts';

const MOST_ROWS = 200;
const MOST_DEPTH = 12;
const ROW = 46;
const BOX = 38;
const INDENT = 30;
/** Of the fonts in the drawing: a little more than a character takes. */
const NAME_CHAR = 8.1;
const TEXT_CHAR = 7.4;
const MOST_CHARS = 70;

export function waitSection({ waits, cpus }: Autopsy): Section {
  return partSection('waits', 'Who waits for whom', waits, all => {
    const rows = waitRows(all);
    const drawn = new Set(rows.map(({ task }) => task.pid));
    const others = all.filter(({ task }) => !drawn.has(task.pid));
    const stuck = rows.filter(({ isStuck }) => isStuck).length;
    const left = rows.length - MOST_ROWS;
    return {
      note:
        all.length === 0
          ? undefined
          : `${counted(all.length, 'blocked task')}.${rows.length > 0 ? ' Each task waits for the one above it.' : ''}`,
      body: [
        all.length === 0 && html`<p>No task was blocked.</p>`,
        stuck > 0 &&
          html`<p><b>A deadlock:</b> ${stuck === 1 ? '1 task waits for itself and can never run.' : `${stuck} tasks wait for each other and can never run.`}</p>`,
        rows.length > 0 && drawing(rows.slice(0, MOST_ROWS), present(cpus) ?? []),
        left > 0 && html`<p class="note">and ${counted(left, 'more task')}</p>`,
        others.length > 0 && [html`<h3>Blocked; the holder is not known</h3>`, table(others)],
      ],
    };
  });
}

function drawing(rows: readonly WaitRow[], cpus: readonly AutopsyCpu[]): Markup {
  const boxes = rows.map((row, i) => {
    const second = secondLine(row, cpus);
    const x = 14 + Math.min(row.depth, MOST_DEPTH) * INDENT;
    const name = `${row.task.comm}  ${row.task.pid}`;
    return {
      row,
      name,
      second,
      x,
      y: 6 + i * ROW,
      width: 22 + Math.max(name.length * NAME_CHAR, second.length * TEXT_CHAR),
    };
  });
  const width = Math.ceil(Math.max(...boxes.map(box => box.x + box.width)) + 10);
  const height = rows.length * ROW + 8;
  return html`<div class="scroll"><svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Blocked tasks under the task that they wait for">${boxes.map(
    ({ row, x, y }) => {
      if (row.above === undefined) return undefined;
      const from = boxes[row.above]!;
      const kind = row.isStuck && rows[row.above]!.isStuck ? 'line loop' : 'line';
      const left = Math.min(from.x, x - INDENT) + 12;
      return html`<path class="${kind}" d="M${left} ${from.y + BOX}V${y + BOX / 2}H${x}"/>`;
    },
  )}${boxes.map(({ row, name, second, x, y, width: wide }) => {
    const kind = row.isStuck ? 'box loop' : row.depth === 0 ? 'box root' : 'box';
    return html`<g><title>${name}: ${second}</title><rect class="${kind}" x="${x}" y="${y}" width="${Math.round(wide)}" height="${BOX}" rx="3"/><text x="${x + 11}" y="${y + 16}">${name}</text><text class="${row.loop ? 'sub bad' : 'sub'}" x="${x + 11}" y="${y + 31}">${second}</text></g>`;
  })}</svg></div>`;
}

function secondLine({ wait, loop, task }: WaitRow, cpus: readonly AutopsyCpu[]): string {
  if (loop) return short(`waits for ${loop.comm} ${loop.pid} below`);
  if (wait) return short(waitText(wait));
  const cpu = cpus.find(one => one.task?.pid === task.pid);
  return cpu ? `holds it and runs on CPU ${cpu.cpu}` : 'holds it and is not blocked';
}

function waitText({ kind, lock, readers, in: where }: Wait): string {
  const what = kind === undefined ? '' : `${kind}${lock === undefined ? '' : ` ${lock}`}`;
  const holders = readers === undefined ? '' : `(${counted(readers, 'reader')})`;
  return (
    [what, holders, where === undefined ? '' : `in ${where}`].filter(Boolean).join(' ') || 'cause not known'
  );
}

function short(text: string): string {
  return text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS - 1)}…` : text;
}

function table(waits: readonly Wait[]): Markup {
  const shown = waits.slice(0, MOST_ROWS);
  const left = waits.length - shown.length;
  return html`<table><tr><th>pid</th><th>task</th><th>state</th><th>waits for</th></tr>${shown.map(
    wait =>
      html`<tr><td>${wait.task.pid}</td><td>${wait.task.comm}</td><td>${wait.state}</td><td class="mono">${waitText(wait)}</td></tr>`,
  )}</table>${left > 0 && html`<p class="note">and ${left} more</p>`}`;
}
