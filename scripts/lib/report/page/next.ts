/** What to do next, and what this page could not find out. */
import { type Autopsy, isMissing } from '../../../../capture/autopsy/summary/autopsy.ts';
import type { CrashReport } from '../crash-report.ts';
import { html } from './markup.ts';
import type { Section } from './section.ts';

export function nextSection({ next, warnings }: CrashReport): Section {
  return {
    id: 'next',
    title: 'What to do next',
    body: [
      html`<ol class="steps">${next.map(({ command, why }) => html`<li><span><code>${command}</code><span class="soft">${why}</span></span></li>`)}</ol>`,
      warnings.length > 0 &&
        html`<h3>Warnings</h3><ul class="plain">${warnings.map(text => html`<li>${text}</li>`)}</ul>`,
    ],
  };
}

const PARTS = {
  crash: 'The crash',
  cpus: 'CPUs',
  stacks: 'Tasks',
  waits: 'Blocked tasks',
  modules: 'Modules',
  taints: 'Taints',
  memory: 'Memory map',
  meminfo: 'Memory use',
  log: 'Kernel log',
} as const satisfies Partial<Record<keyof Autopsy, string>>;

/** Parts that the memory does not give. */
export function missingParts(autopsy: Autopsy): string[] {
  return Object.entries(PARTS).flatMap(([key, name]) => {
    const part = autopsy[key as keyof typeof PARTS];
    return isMissing(part) ? [`${name}: ${part.missing}`] : [];
  });
}
