/** Modules and taints: what is not of the kernel's own tree comes first. */
import { type Autopsy, isMissing } from '../../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../../capture/errors.ts';
import type { CrashReport } from '../crash-report.ts';
import { byteSize } from './byte-size.ts';
import { html, type Markup } from './markup.ts';
import { missing, type Section } from './section.ts';

export function moduleSection(
  { crash: { taints, modules: logged, lastUnloaded } }: CrashReport,
  { modules }: Autopsy,
): Section {
  const body: (Markup | false)[] = [
    taints.length > 0
      ? html`<h3>Taints</h3><table>${taints.map(({ letter, meaning }) => html`<tr><td class="mono">${letter}</td><td>${meaning}</td></tr>`)}</table>`
      : html`<h3>Not tainted</h3>`,
  ];
  if (isMissing(modules)) {
    body.push(html`<h3>Modules</h3>`, missing(modules.missing));
    if (logged.length > 0) body.push(html`<p class="note">The kernel log names these:</p>`, nameList(logged));
  } else {
    const foreign = modules.filter(({ taints = '' }) => taints !== '');
    const own = modules.filter(module => !foreign.includes(module));
    body.push(
      foreign.length > 0 &&
        html`<h3>With taints</h3><table>${foreign.map(
          ({ name, sizeBytes, taints = '' }) =>
            html`<tr><td class="mono">${name}</td><td class="mono">${taints}</td><td class="r">${byteSize(sizeBytes)}</td></tr>`,
        )}</table>`,
      own.length > 0 && html`<h3>Of the kernel’s own tree</h3>${nameList(own.map(({ name }) => name))}`,
    );
  }
  if (lastUnloaded !== undefined) body.push(html`<p class="note">Unloaded last: ${lastUnloaded}</p>`);
  const count = isMissing(modules) ? logged.length : modules.length;
  return { id: 'modules', title: 'Modules and taints', note: counted(count, 'module'), body };
}

function nameList(names: readonly string[]): Markup {
  return html`<ul class="mods mono">${[...names].sort().map(name => html`<li>${name}</li>`)}</ul>`;
}
