/** The panicking stack, with its registers and code, and what log and memory disagree about. */
import { type Autopsy, present } from '../../../../capture/autopsy/summary/autopsy.ts';
import type { CrashReport } from '../crash-report.ts';
import { type ShownFrame, stackList } from './frames.ts';
import { html } from './markup.ts';
import { missing, type Section } from './section.ts';

const FROM = {
  memory: 'Unwound from the memory of the crashed kernel, innermost first.',
  autopsy: 'Unwound from the memory of the crashed kernel before the dump was made, innermost first.',
  log: 'As the kernel log has it, innermost first.',
} as const;

export function crashSection(report: CrashReport, autopsy: Autopsy): Section {
  const { culprit, registers, code, stackFrom, differences } = report.crash;
  const frames = shownFrames(report, autopsy);
  const values = Object.entries(registers);
  return {
    id: 'crash',
    title: 'The crash',
    note: frames.length > 0 && FROM[stackFrom],
    body: [
      frames.length > 0
        ? stackList(frames, { culprit })
        : missing('neither the memory nor the log has a stack'),
      differences.length > 0 &&
        html`<h3>Where memory and log differ</h3><ul class="plain">${differences.map(text => html`<li>${text}</li>`)}</ul>`,
      values.length > 0 &&
        html`<details><summary><span>Registers${code !== undefined && ' and code'}</span></summary><div><dl class="registers mono">${values.map(
          ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
        )}</dl>${code !== undefined && html`<h3>Code</h3><code class="code">${code}</code>`}</div></details>`,
    ],
  };
}

/** From memory the whole stack, with the functions that only report, unless another task than the panicking one is concerned. */
function shownFrames(
  { crash: { at, trace, task, stackFrom } }: CrashReport,
  autopsy: Autopsy,
): readonly ShownFrame[] {
  const panicked = present(autopsy.crash);
  const stack = panicked && present(panicked.stack);
  const isItsOwn = task?.pid === panicked?.task?.pid && task?.cpu === panicked?.cpu;
  if (stackFrom !== 'log' && stack && isItsOwn) return stack;
  return at && trace[0]?.name !== at.name ? [at, ...trace] : trace;
}
