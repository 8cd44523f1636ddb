/** All tasks, folded by equal stacks. */
import type { Autopsy, StackGroup } from '../../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../../capture/errors.ts';
import { stackList, stackPath } from './frames.ts';
import { html, type Markup } from './markup.ts';
import { partSection, type Section } from './section.ts';

const MOST_GROUPS = 300;

export function taskSection({ stacks }: Autopsy): Section {
  return partSection('tasks', 'All tasks', stacks, groups => {
    const tasks = groups.reduce((sum, { count }) => sum + count, 0);
    const left = groups.slice(MOST_GROUPS);
    return {
      note: `${counted(tasks, 'task')} with ${counted(groups.length, 'different stack')}. Blocked tasks come first, then the largest groups.`,
      body: [
        groups.slice(0, MOST_GROUPS).map(groupRow),
        left.length > 0 && html`<p class="note">and ${counted(left.length, 'more stack')}</p>`,
      ],
    };
  });
}

function groupRow({ stack, incomplete, count, states, tasks }: StackGroup): Markup {
  const letters = Object.entries(states).map(
    ([state, number]) =>
      html`<span class="${state === 'D' ? 'tag alarm' : 'tag'}">${state}${number === count ? '' : ` ${number}`}</span> `,
  );
  const path = stackPath(stack) || (incomplete ?? 'no frames');
  return html`<details><summary><span class="row"><b class="n">${count}×</b> <span>${letters}${
    count === 1 ? tasks[0]?.comm : commonNames(tasks)
  }</span> <code class="path">${path}</code></span></summary><div>${stackList(stack, { incomplete })}<h3>${counted(
    count,
    'task',
  )}</h3><ul class="who">${tasks.map(({ pid, comm }) => html`<li><b>${pid}</b> ${comm}</li>`)}</ul>${
    count > tasks.length && html`<p class="note">and ${count - tasks.length} more</p>`
  }</div></details>`;
}

/** The first names, each once; those of one program that differ by a number are one. */
function commonNames(tasks: StackGroup['tasks']): string {
  const names = [...new Set(tasks.map(({ comm }) => comm.replace(/[\d:/]+[uHIR\d:/]*(-.*)?$/, '')))];
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} …` : names.join(', ');
}
