/** `kdumpling locks`: which tasks of the crashed machine waited for a lock, and who held it. */
import { readWaits } from '../../capture/autopsy/locks/waits.ts';
import { openUnwinder } from '../../capture/autopsy/unwind/unwinder.ts';
import { attempt, describeError } from '../../capture/errors.ts';
import { locksData, locksLines, sleepingPlace } from '../lib/autopsy/locks.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsy } from '../lib/autopsy/open.ts';
import { printAnswer } from '../lib/autopsy/print.ts';
import { tasksOf } from '../lib/autopsy/tasks.ts';
import type { Command } from '../lib/cli/command.ts';

const OPTIONS = { ...AUTOPSY_OPTIONS } as const;

export const locks: Command<typeof OPTIONS> = {
  name: 'kdumpling locks',
  purpose: 'Shows which tasks slept uninterruptibly or for a lock, who held it, and deadlocks.',
  positionals: [DUMP_ARGUMENT],
  options: OPTIONS,
  run: given =>
    withAutopsy(given, autopsy => {
      const { kernel } = autopsy;
      const { tasks } = tasksOf(autopsy);
      const { found, problems } = readWaits(kernel, tasks);
      const unwinder = attempt(
        () => openUnwinder(kernel),
        error => autopsy.note(describeError(error)),
      );
      const answer = { kernel, tasks, waits: found, sleepsIn: sleepingPlace(unwinder) };
      return printAnswer(autopsy, given, {
        problems,
        data: () => locksData(answer),
        lines: () => locksLines(answer),
      });
    }),
};
