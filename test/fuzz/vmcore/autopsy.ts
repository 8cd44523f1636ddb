/**
 * Autopsies of real vmcores that are damaged where an autopsy reads: kallsyms, BTF, ORC tables, tasks, lists, stacks. What a
 * verb prints is printable, and no answer takes long: whoever had the machine may have written that memory.
 */

import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { readWaits } from '../../../capture/autopsy/locks/waits.ts';
import { readModuleList } from '../../../capture/autopsy/module-list.ts';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { psLines } from '../../../capture/autopsy/tasks/ps-lines.ts';
import { readTasks, type TaskList } from '../../../capture/autopsy/tasks/tasks.ts';
import { btLines } from '../../../capture/autopsy/unwind/bt-lines.ts';
import { openUnwinder } from '../../../capture/autopsy/unwind/unwinder.ts';
import { readMounts } from '../../../capture/autopsy/vfs/mounts.ts';
import { readProcessFiles } from '../../../capture/autopsy/vfs/open-files.ts';
import { printable } from '../../../capture/text.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { btData } from '../../../scripts/lib/autopsy/bt.ts';
import { filesData, filesLines } from '../../../scripts/lib/autopsy/files.ts';
import { locksData, locksLines, sleepingPlace } from '../../../scripts/lib/autopsy/locks.ts';
import { MEMORY_PARTS, memoryAnswer } from '../../../scripts/lib/autopsy/mem.ts';
import { modData, modLines } from '../../../scripts/lib/autopsy/mod.ts';
import { mountData, mountLines } from '../../../scripts/lib/autopsy/mounts.ts';
import { psData } from '../../../scripts/lib/autopsy/ps.ts';
import { showStruct, structData, structLines } from '../../../scripts/lib/autopsy/struct.ts';
import { type Attacker, demand, type Kind, type Outcome, requireForeseen } from '../kind.ts';
import { type Base, openBase } from './base.ts';
import { MutantSource } from './mutant-source.ts';
import { mutate } from './mutations.ts';

/** Of a machine with many tasks, only so many are unwound in each case. */
const MOST_TASKS = 200;

export const autopsies: Kind = {
  name: 'autopsy',
  share: 1,
  hangMs: 20_000,
  open: ({ vmcores }) => autopsyAttacker(vmcores.map(openAutopsyBase)),
};

export function openAutopsyBase(path: string): Base {
  return openBase(path, openVmcoreFile(path, undefined), readEverything);
}

export function autopsyAttacker(bases: readonly Base[]): Attacker {
  return random => {
    const base = random.pick(bases);
    const mutations = mutate(base, random);
    return {
      labels: [`of "${base.name}"`, ...mutations.map(({ label }) => label)],
      run: () => answerAll(new MutantSource(base.source, mutations)),
    };
  };
}

function readEverything(source: ByteSource): void {
  answerAll(source);
}

interface Question {
  readonly kernel: DeadKernel;
  readonly list: TaskList;
}

interface Answer {
  /** As the verb prints them. */
  readonly lines: readonly string[];
  readonly data: unknown;
}

const shown = (lines: readonly string[]) => lines.map(printable);

/** One row for each verb; those that print their lines as they are have them checked as they are. */
const QUESTIONS: readonly ((question: Question) => Answer)[] = [
  ({ kernel, list }) => ({
    lines: psLines(list, list.tasks, kernel.memory.arch.pageSizeBytes),
    data: psData(list, list.tasks),
  }),
  ({ kernel, list }) => {
    const unwinder = openUnwinder(kernel);
    const stacks = list.tasks
      .slice(0, MOST_TASKS)
      .map(task => [task, unwinder.backtrace(task.address)] as const);
    return {
      lines: stacks.flatMap(([task, stack]) => btLines(task, stack)),
      data: stacks.map(([task, stack]) => btData(task, stack)),
    };
  },
  ({ kernel, list }) => {
    const { found } = readMounts(kernel, list.tasks.find(({ pid }) => pid === 1)?.address ?? 0n);
    return { lines: shown(mountLines(found)), data: found.map(mountData) };
  },
  ({ kernel, list }) => {
    const answers = list.tasks
      .slice(0, MOST_TASKS)
      .map(task => ({ task, ...readProcessFiles(kernel, task.address) }));
    return { lines: shown(answers.flatMap(filesLines)), data: answers.map(filesData) };
  },
  ({ kernel }) => {
    const { lines, data } = memoryAnswer(kernel, MEMORY_PARTS, []);
    return { lines: shown(lines()), data: data() };
  },
  ({ kernel, list: { tasks } }) => {
    const waits = readWaits(kernel, tasks).found;
    const answer = { kernel, tasks, waits, sleepsIn: sleepingPlace(attempted(() => openUnwinder(kernel))) };
    return { lines: shown(locksLines(answer)), data: locksData(answer) };
  },
  ({ kernel }) => {
    const { found } = readModuleList(kernel);
    return { lines: shown(modLines(found)), data: modData(found) };
  },
  ({ kernel, list }) => {
    const struct = showStruct(kernel, 'task_struct', list.tasks[0]?.address);
    return { lines: shown(structLines(struct)), data: structData(struct) };
  },
];

function answerAll(source: ByteSource): Outcome {
  const question = attempted(() => {
    const kernel = openAutopsy(openVmcore(source));
    return { kernel, list: readTasks(kernel) };
  });
  if (!question) return 'refused';
  let answers = 0;
  for (const ask of QUESTIONS) {
    const answer = attempted(() => ask(question));
    if (!answer) continue;
    answers++;
    for (const line of answer.lines)
      demand(
        printable(line) === line,
        `a line with control characters: ${JSON.stringify(line.slice(0, 200))}`,
      );
    JSON.stringify(answer.data);
  }
  return answers === QUESTIONS.length ? 'read' : 'noticed';
}

/** Undefined when that was refused. */
function attempted<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    requireForeseen(error);
    return undefined;
  }
}
