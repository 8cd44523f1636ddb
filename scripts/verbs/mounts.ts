/** `kdumpling mounts`: the file systems that were mounted. */
import { readMounts } from '../../capture/autopsy/vfs/mounts.ts';
import { mountData, mountLines, namespaceOf } from '../lib/autopsy/mounts.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsy } from '../lib/autopsy/open.ts';
import { printAnswer } from '../lib/autopsy/print.ts';
import { tasksOf } from '../lib/autopsy/tasks.ts';
import type { Command } from '../lib/cli/command.ts';

const OPTIONS = {
  namespace: {
    short: 'n',
    value: 'PID|NAME',
    help: 'those that this task sees, in its mount namespace; by default those of PID 1',
  },
  ...AUTOPSY_OPTIONS,
} as const;

export const mounts: Command<typeof OPTIONS> = {
  name: 'kdumpling mounts',
  purpose: 'Lists the file systems that were mounted when the machine crashed.',
  positionals: [DUMP_ARGUMENT],
  options: OPTIONS,
  run: given =>
    withAutopsy(given, autopsy => {
      const { kernel } = autopsy;
      const task = namespaceOf(tasksOf(autopsy).tasks, given.namespace);
      const { found, problems } = readMounts(kernel, task?.address ?? kernel.symbols.require('init_task'));
      return printAnswer(autopsy, given, {
        problems,
        data: () => ({ pid: task?.pid ?? 0, mounts: found.map(mountData) }),
        lines: () => mountLines(found),
      });
    }),
};
