/** The panicking stack, with its registers and code, and what log and memory disagree about. */
import type { CrashReport } from '../crash-report.ts';
import { stackList } from './frames.ts';
import { html } from './markup.ts';
import { missing, type Section } from './section.ts';

const FROM = {
  memory: 'Unwound from the memory of the crashed kernel, innermost first.',
  log: 'As the kernel log has it, innermost first.',
} as const;

export function crashSection({ crash }: CrashReport): Section {
  const { at, trace, culprit, registers, code, stackFrom, differences } = crash;
  const frames = at && trace[0]?.name !== at.name && stackFrom === 'log' ? [at, ...trace] : trace;
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
        html`<h3>Registers</h3><dl class="registers mono">${values.map(
          ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
        )}</dl>`,
      code !== undefined && html`<h3>Code</h3><code class="code">${code}</code>`,
    ],
  };
}
