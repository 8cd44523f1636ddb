/** `kdumpling files`: what a task of the crashed machine had open. */
import { readProcessFiles } from '../../capture/autopsy/vfs/open-files.ts';
import { Paths } from '../../capture/autopsy/vfs/paths.ts';
import { filesData, filesLines, tasksOrPanicTask } from '../lib/autopsy/files.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsyOf } from '../lib/autopsy/open.ts';
import { printAnswer } from '../lib/autopsy/print.ts';
import { tasksOf } from '../lib/autopsy/tasks.ts';
import type { Command } from '../lib/cli/command.ts';

const OPTIONS = { ...AUTOPSY_OPTIONS } as const;

export const files: Command<typeof OPTIONS> = {
  name: 'kdumpling files',
  purpose: 'Lists what tasks had open (by default the task that the panic was in), and their directories.',
  positionals: [DUMP_ARGUMENT, '[PID|NAME|ADDRESS]…'],
  options: OPTIONS,
  run: given =>
    withAutopsyOf(given, autopsy => {
      const { kernel } = autopsy;
      const tasks = tasksOrPanicTask(tasksOf(autopsy), autopsy.words);
      const paths = new Paths(kernel);
      const answers = tasks.map(task => ({ task, ...readProcessFiles(kernel, task.address, paths) }));
      return printAnswer(autopsy, given, {
        problems: answers.flatMap(({ problems }) => problems),
        data: () => ({ tasks: answers.map(filesData) }),
        lines: () =>
          answers.flatMap((answer, i) => (i === 0 ? filesLines(answer) : ['', ...filesLines(answer)])),
      });
    }),
};
