/** Questions before what cannot be taken back. */
import { createInterface } from 'node:readline/promises';
import { UsageError } from './command.ts';

/** Whether the answer is `wanted`. @throws UsageError where nobody can be asked. */
export async function ask(
  question: string,
  wanted: string,
  { option, signal }: { option: string; signal: AbortSignal },
): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UsageError('NOBODY_TO_ASK', {
      action: 'ask whether to go on',
      actual: 'the input is no terminal',
      wanted: `--${option}, if that is meant`,
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} `, { signal })).trim() === wanted;
  } finally {
    terminal.close();
  }
}
