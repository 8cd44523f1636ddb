/** The autopsy as text for people: `autopsy.txt`. */
import { counted } from '../../errors.ts';
import { printable } from '../../text.ts';
import {
  type Autopsy,
  type AutopsyList,
  isMissing,
  type Part,
  type StackFrame,
  type TaskName,
} from './autopsy.ts';

/** Line by line, without the memory map and the log, which have files of their own. */
export function* autopsyLines(autopsy: Autopsy): Generator<string> {
  for (const line of linesOf(autopsy)) yield `${printable(line)}\n`;
}

function* linesOf(autopsy: Autopsy): Generator<string> {
  const { leftOut } = autopsy;
  const more = function* (list: AutopsyList, noun: string): Generator<string> {
    const count = leftOut?.[list];
    if (count !== undefined) yield `… and ${counted(count, noun)} more, for which there was no room`;
  };
  const { kernel, crash, cpus, waits, stacks, modules, taints, meminfo } = autopsy;
  yield `Autopsy of ${kernel.nodename ?? 'an unnamed machine'}, ${kernel.release ?? 'unknown kernel'}`;
  yield* section('The crash', crash, function* ({ class: name, culprit, cpu, task, registers, stack }) {
    if (name !== undefined) yield `class    ${name}`;
    if (culprit) yield `culprit  ${frameText(culprit)}`;
    yield `on       CPU ${cpu}${task ? `: ${taskText(task)}` : ''}`;
    const values = Object.entries(registers).map(([register, value]) => `${register}=${value}`);
    for (let i = 0; i < values.length; i += 4) yield `         ${values.slice(i, i + 4).join(' ')}`;
    yield* stackLines(stack);
  });
  yield* section('Who waits for whom', waits, function* (all) {
    if (all.length === 0) yield 'no task was blocked';
    for (const { task, state, kind, lock, owner, readers, in: where } of all) {
      const what = kind === undefined ? '' : ` for the ${kind} ${lock ?? ''}`;
      const holder = owner
        ? `, held by ${taskText(owner)}`
        : readers === undefined
          ? ''
          : `, held by ${counted(readers, 'reader')}`;
      yield `${taskText(task)} is in state ${state}${what}${holder}${where === undefined ? '' : `, in ${where}`}`;
    }
    yield* more('waits', 'task');
  });
  yield* section('CPUs', cpus, function* (all) {
    for (const { cpu, task, isIdle, isPanicking, stack } of all) {
      const state = isPanicking ? ', panicked' : isIdle ? ', idle' : '';
      yield `CPU ${cpu}: ${task ? taskText(task) : 'unknown task'}${state}`;
      if (!isIdle && !isPanicking) yield* stackLines(stack);
    }
    yield* more('cpus', 'CPU');
  });
  yield* section('Tasks by stack', stacks, function* (groups) {
    for (const { stack, incomplete, count, states, tasks } of groups) {
      const letters = Object.entries(states).map(([state, number]) => `${number} ${state}`);
      yield '';
      yield `${counted(count, 'task')} (${letters.join(', ')}): ${tasks.map(taskText).join(', ')}${count > tasks.length ? ' …' : ''}`;
      yield* stackLines(stack);
      if (incomplete !== undefined) yield `  the rest is missing: ${incomplete}`;
    }
    yield* more('stacks', 'stack');
  });
  yield* section('Modules', modules, function* (all) {
    yield all.map(({ name, taints: letters }) => (letters ? `${name}(${letters})` : name)).join(' ') ||
      'none';
    yield* more('modules', 'module');
    yield `taints: ${isMissing(taints) ? taints.missing : taints.join(' ') || 'none'}`;
  });
  yield* section('Memory', meminfo, function* (rows) {
    for (const [name, value] of Object.entries(rows))
      yield `${`${name}:`.padEnd(18)}${String(value).padStart(12)} kB`;
  });
}

function* section<T extends object>(
  title: string,
  part: Part<T>,
  lines: (present: T) => Generator<string>,
): Generator<string> {
  yield '';
  yield title;
  yield '-'.repeat(title.length);
  if (isMissing(part)) yield `not known: ${part.missing}`;
  else yield* lines(part);
}

function* stackLines(stack: Part<readonly StackFrame[]>): Generator<string> {
  if (isMissing(stack)) yield `  no stack: ${stack.missing}`;
  else
    for (const [i, frame] of stack.entries()) {
      if (frame.interrupted) yield '  --- interrupted here ---';
      yield `  #${String(i).padEnd(3)} ${frameText(frame)}`;
    }
}

function frameText({ name, address, offset, size, module, doubtful }: StackFrame): string {
  const place = offset === undefined ? '' : `+${offset}${size === undefined ? '' : `/${size}`}`;
  return `${doubtful ? '? ' : ''}${name === undefined ? address : `${name}${place}`}${module === undefined ? '' : ` [${module}]`}`;
}

function taskText({ comm, pid }: TaskName): string {
  return `${comm} (${pid})`;
}
