/** All CPUs: what each one ran when the machine stopped. Idle ones are folded into one line. */
import { type Autopsy, type AutopsyCpu, isMissing } from '../../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../../capture/errors.ts';
import { stackList, stackPath } from './frames.ts';
import { html, type Markup } from './markup.ts';
import { missing, partSection, type Section } from './section.ts';

const MOST_CPUS = 512;

export function cpuSection({ cpus }: Autopsy): Section {
  return partSection('cpus', 'All CPUs', cpus, all => {
    const busy = all.filter(({ isIdle, isPanicking }) => !isIdle || isPanicking);
    const idle = all.filter(cpu => !busy.includes(cpu));
    const left = busy.length - MOST_CPUS;
    return {
      note: `${counted(all.length, 'CPU')}, ${idle.length} idle`,
      body: [
        busy.slice(0, MOST_CPUS).map(cpuRow),
        idle.length > 0 &&
          html`<details><summary><span class="row"><b>${counted(idle.length, 'idle CPU')}</b> <span class="path">number ${numberRanges(idle.map(({ cpu }) => cpu))}</span></span></summary>${stackOf(idle[0]!)}</details>`,
        left > 0 && html`<p class="note">and ${counted(left, 'more busy CPU')}</p>`,
      ],
    };
  });
}

function cpuRow(cpu: AutopsyCpu): Markup {
  const path = isMissing(cpu.stack) ? cpu.stack.missing : stackPath(cpu.stack);
  return html`<details><summary><span class="row"><b class="n">CPU ${cpu.cpu}</b> <span>${
    cpu.task ? html`${cpu.task.comm} <span class="soft">pid ${cpu.task.pid}</span>` : 'unknown task'
  } ${cpu.isPanicking && html`<span class="tag alarm">panicked</span>`}</span> <code class="path">${path}</code></span></summary>${stackOf(cpu)}</details>`;
}

function stackOf({ stack }: AutopsyCpu): Markup {
  return isMissing(stack) ? missing(stack.missing) : stackList(stack);
}

/** `0-3, 7`. @param numbers ascending */
export function numberRanges(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
