/** Stacks: the functions innermost first, the culprit marked, what only reports or enters the kernel dimmed. */
import type { StackFrame } from '../../../../capture/autopsy/summary/autopsy.ts';
import { isMachinery } from '../../../../capture/autopsy/summary/machinery.ts';
import { counted } from '../../../../capture/errors.ts';
import type { Frame } from '../frames.ts';
import { html, type Markup } from './markup.ts';

/** Of a log or of memory: the log has no addresses. */
export type ShownFrame = Omit<StackFrame, 'address'> & { readonly address?: string };

const MOST_FRAMES = 64;

export function stackList(
  frames: readonly ShownFrame[],
  { culprit, incomplete }: { culprit?: Pick<Frame, 'name'>; incomplete?: string } = {},
): Markup {
  const shown = frames.slice(0, MOST_FRAMES);
  const hit = culprit ? shown.findIndex(({ name, doubtful }) => name === culprit.name && !doubtful) : -1;
  return html`<ol class="stack">${shown.map((frame, i) => [
    turnBefore(frame, shown[i - 1]),
    html`<li class="${i === hit ? 'hit' : isDim(frame) ? 'dim' : ''}"><i>${i}</i><span>${frameText(frame)}</span></li>`,
  ])}${frames.length > shown.length && turn(`and ${counted(frames.length - shown.length, 'more frame')}`)}${
    incomplete !== undefined && turn(`the rest is missing: ${incomplete}`)
  }</ol>`;
}

/** The functions that say where it is, on one line. */
export function stackPath(frames: readonly ShownFrame[], most = 5): string {
  const named = frames.filter(({ name, doubtful }) => name !== undefined && !doubtful);
  const telling = named.filter(({ name }) => !isMachinery(name!));
  const names = (telling.length > 0 ? telling : named).slice(0, most).map(({ name }) => name!);
  return names.join(' ‹ ');
}

function isDim({ name, doubtful }: ShownFrame): boolean {
  return doubtful === true || name === undefined || isMachinery(name);
}

function frameText({ name, address, offset, size, module, doubtful }: ShownFrame): Markup {
  const place = offset === undefined ? '' : `+${offset}${size === undefined ? '' : `/${size}`}`;
  return html`${doubtful && '? '}${name ?? address ?? 'unknown'}<small>${name !== undefined && place}</small>${
    module !== undefined && html` <span class="tag">${module}</span>`
  }`;
}

const CONTEXTS: Readonly<Record<string, string>> = {
  IRQ: 'interrupt stack',
  SOFTIRQ: 'softirq',
  NMI: 'non-maskable interrupt',
  TASK: 'task',
};

/** What a frame's stack is, where it changes, and where an exception came in between. */
function turnBefore(frame: ShownFrame, before: ShownFrame | undefined): Markup | undefined {
  const { context } = frame;
  const changes = context !== undefined && context !== (before?.context ?? 'TASK');
  if (frame.interrupted && !before?.interrupted) return turn('interrupted here');
  return changes ? turn(CONTEXTS[context] ?? context.toLowerCase()) : undefined;
}

function turn(text: string): Markup {
  return html`<li class="turn">${text}</li>`;
}
