/** Questions before a step that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { UsageError } from './command.ts';

/** Whether the answer is `wanted`; Ctrl-D is another answer. @throws UsageError where nobody can be asked. */
export async function ask(
  question: string,
  wanted: string,
  { option, signal }: { option: string; signal: AbortSignal },
): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UsageError('NOBODY_TO_ASK', {
      action: 'ask for confirmation',
      actual: 'standard input is not a terminal',
      toDo: `to go on without a question, give --${option}`,
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // In its raw mode the terminal sends no signal: what Ctrl-C does is decided in one place, for all commands.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return (await terminal.question(`${question} `, { signal })).trim() === wanted;
  } catch (error) {
    process.stderr.write('\n');
    if (signal.aborted || (error as Error).name !== 'AbortError') throw error;
    return false;
  } finally {
    terminal.close();
  }
}
