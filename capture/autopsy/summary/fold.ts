/** Tasks with equal stacks are one group: of a thousand tasks, a few dozen do something of their own. */
import type { StackFrame, StackGroup, TaskName } from './autopsy.ts';

export interface TaskStack {
  readonly task: TaskName;
  /** As `ps` of procps prints it: `D`, `S`, `R`, … */
  readonly state: string;
  readonly stack: readonly StackFrame[];
  /** Why the stack is not whole. */
  readonly incomplete?: string;
}

interface Group {
  readonly first: TaskStack;
  count: number;
  readonly states: Map<string, number>;
  readonly names: TaskName[];
}

/** Blocked tasks first, then by size. @param mostNames of one group. */
export function foldStacks(tasks: Iterable<TaskStack>, mostNames: number): StackGroup[] {
  const groups = new Map<string, Group>();
  for (const one of tasks) {
    const key = keyOf(one);
    const group: Group = groups.get(key) ?? { first: one, count: 0, states: new Map(), names: [] };
    groups.set(key, group);
    group.count++;
    group.states.set(one.state, (group.states.get(one.state) ?? 0) + 1);
    if (group.names.length < mostNames) group.names.push(one.task);
  }
  const blocked = ({ states }: StackGroup) => Number('D' in states);
  return [...groups.values()]
    .map(({ first: { stack, incomplete }, count, states, names }) => ({
      stack,
      ...(incomplete !== undefined && { incomplete }),
      count,
      states: Object.fromEntries(states),
      tasks: names,
    }))
    .sort((a, b) => blocked(b) - blocked(a) || b.count - a.count);
}

function keyOf({ stack, incomplete }: TaskStack): string {
  const places = stack.map(({ address, doubtful }) => (doubtful ? `?${address}` : address));
  return [...places, incomplete === undefined ? '' : 'incomplete'].join(' ');
}
