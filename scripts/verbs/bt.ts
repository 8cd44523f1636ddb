/** `kdumpling bt`: where the tasks of the crashed machine were. */
import { readTasks } from '../../capture/autopsy/tasks/tasks.ts';
import { btLines } from '../../capture/autopsy/unwind/bt-lines.ts';
import { openUnwinder } from '../../capture/autopsy/unwind/unwinder.ts';
import { describeError } from '../../capture/errors.ts';
import { btData, chooseBacktraces } from '../lib/autopsy/bt.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsyOf } from '../lib/autopsy/open.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';

const OPTIONS = {
  active: { short: 'a', help: 'the task that each CPU ran' },
  'all-tasks': { help: 'every task, as "foreach bt" of crash' },
  cpu: { value: 'N', short: 'c', help: 'the task that CPU N ran' },
  panic: { help: 'the task that panicked (the default)' },
  ...AUTOPSY_OPTIONS,
} as const;

export const bt: Command<typeof OPTIONS> = {
  name: 'kdumpling bt',
  purpose:
    'Shows kernel stacks of the crashed machine: of the task that panicked, or of those that are named.',
  positionals: [DUMP_ARGUMENT, '[PID|NAME|ADDRESS]…'],
  options: OPTIONS,
  run: given =>
    withAutopsyOf(given, ({ kernel, header, note, words }) => {
      const { active, 'all-tasks': all, panic, cpu, json } = given;
      const list = readTasks(kernel);
      for (const error of list.errors) note(describeError(error));
      const unwinder = openUnwinder(kernel);
      const choice = { words, active, all, panic, cpu };
      const tasks = chooseBacktraces(list, unwinder.cpus, choice, kernel.missing);
      if (json) {
        const shown = tasks.map(task => btData(task, unwinder.backtrace(task.address)));
        console.log(JSON.stringify({ ...header(), tasks: shown }, undefined, 2));
        return EXIT.done;
      }
      for (const [index, task] of tasks.entries()) {
        if (index > 0) console.log('');
        for (const line of btLines(task, unwinder.backtrace(task.address))) console.log(line);
      }
      return EXIT.done;
    }),
};
