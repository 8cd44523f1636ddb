/** `kdumpling mounts`: the file systems that were mounted. */
import { readTasks } from '../../capture/autopsy/tasks/tasks.ts';
import { readMounts } from '../../capture/autopsy/vfs/mounts.ts';
import { mountData, mountLines } from '../lib/autopsy/mounts.ts';
import { AUTOPSY_OPTIONS, withAutopsy } from '../lib/autopsy/open.ts';
import { printAnswer } from '../lib/autopsy/print.ts';
import { chooseTasks } from '../lib/autopsy/ps.ts';
import type { Command } from '../lib/cli/command.ts';

const OPTIONS = {
  namespace: {
    short: 'n',
    value: 'PID|NAME',
    default: '1',
    help: 'those that this task sees, in its mount namespace',
  },
  ...AUTOPSY_OPTIONS,
} as const;

export const mounts: Command<typeof OPTIONS> = {
  name: 'kdumpling mounts',
  purpose: 'Lists the file systems that were mounted when the machine crashed.',
  options: OPTIONS,
  run: given =>
    withAutopsy(given, autopsy => {
      const { kernel } = autopsy;
      const [task] = chooseTasks(readTasks(kernel).tasks, {
        words: [given.namespace],
        only: undefined,
        leaders: false,
      });
      const { found, problems } = readMounts(kernel, task!.address);
      return printAnswer(autopsy, given, {
        problems,
        data: () => ({ pid: task!.pid, mounts: found.map(mountData) }),
        lines: () => mountLines(found),
      });
    }),
};
