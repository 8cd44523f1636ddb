/** `kdumpling ps`: the tasks of the crashed machine. */
import { psLines } from '../../capture/autopsy/tasks/ps-lines.ts';
import { readTasks } from '../../capture/autopsy/tasks/tasks.ts';
import { describeError } from '../../capture/errors.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsyOf } from '../lib/autopsy/open.ts';
import { chooseTasks, psData } from '../lib/autopsy/ps.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';

const OPTIONS = {
  user: { short: 'u', help: 'no kernel threads' },
  kernel: { short: 'k', help: 'kernel threads only' },
  leaders: { short: 'G', help: 'processes, without their other threads' },
  ...AUTOPSY_OPTIONS,
} as const;

export const ps: Command<typeof OPTIONS> = {
  name: 'kdumpling ps',
  purpose: 'Lists the tasks of the crashed machine: all, or those with a PID, a name or an address.',
  positionals: [DUMP_ARGUMENT, '[PID|NAME|ADDRESS]…'],
  options: OPTIONS,
  run: given =>
    withAutopsyOf(given, ({ kernel, header, note, words }) => {
      const { user, kernel: kernelOnly, leaders, json } = given;
      if (user && kernelOnly) {
        throw new UsageError('USAGE', {
          action: 'run kdumpling ps',
          actual: 'both --user and --kernel are given',
          wanted: 'one of them',
        });
      }
      const list = readTasks(kernel);
      for (const error of list.errors) note(describeError(error));
      const only = user ? 'user' : kernelOnly ? 'kernel' : undefined;
      const shown = chooseTasks(list.tasks, { words, only, leaders });
      if (json) console.log(JSON.stringify({ ...header(), ...psData(list, shown) }, undefined, 2));
      else for (const line of psLines(list, shown, kernel.memory.arch.pageSizeBytes)) console.log(line);
      return EXIT.done;
    }),
};
