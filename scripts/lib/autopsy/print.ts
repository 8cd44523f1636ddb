/** How a verb of the autopsy ends: it prints its answer as text or as JSON, and notes what the answer lacks. */
import { printable } from '../../../capture/text.ts';
import { EXIT } from '../cli/command.ts';
import type { Autopsy } from './open.ts';

export interface Answer {
  /** A sentence each. */
  readonly problems: readonly string[];
  /** The members of the document beside what all have. */
  data(): object;
  lines(): readonly string[];
}

/** @returns the exit code. */
export function printAnswer(
  { header, note }: Pick<Autopsy, 'header' | 'note'>,
  { json }: { readonly json: boolean },
  { problems, data, lines }: Answer,
): number {
  for (const problem of problems) note(problem);
  if (json) console.log(JSON.stringify({ ...header(), ...data() }, undefined, 2));
  else for (const line of lines()) console.log(printable(line));
  return EXIT.done;
}
