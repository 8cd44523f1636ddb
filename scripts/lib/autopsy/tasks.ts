/** The tasks of a dump, for verbs that are about some of them. */
import { readTasks, type TaskList } from '../../../capture/autopsy/tasks/tasks.ts';
import { describeError } from '../../../capture/errors.ts';
import type { Autopsy } from './open.ts';

/** Notes what of them cannot be read. */
export function tasksOf({ kernel, note }: Pick<Autopsy, 'kernel' | 'note'>): TaskList {
  const list = readTasks(kernel);
  for (const error of list.errors) note(describeError(error));
  return list;
}
