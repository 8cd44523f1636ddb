/** The refusal of a Node binary that one of the changes made here does not know. */
import { Failure } from '../../capture/errors.ts';

export interface UnknownForm {
  readonly action: string;
  readonly actual: string;
  readonly wanted?: string;
  /** Which of the files here would have to learn it. */
  readonly file: string;
}

export function unknownForm(
  code: string,
  { action, actual, wanted = 'a Node of the form of Node 24', file }: UnknownForm,
): Failure {
  const toDo = `Build with the Node that package.json names, or adapt build/node/${file}`;
  return new Failure(code, { action, actual, wanted, toDo });
}
