/** Runs judges that are Python scripts: the tool's own interpreter runs them, and they print one JSON object. */
import { basename, join } from 'node:path';
import type { Tool } from '../../build/fetch/tools.ts';
import { SystemError } from '../../capture/errors.ts';
import { runBounded } from './bounded-run.ts';

export function pythonScript(name: string): string {
  return join(import.meta.dirname, name);
}

/** @throws SystemError JUDGE_FAILED when the script gives no answer, which is no verdict on the dump. */
export async function runPython<T>(
  tool: Tool,
  script: string,
  args: readonly string[],
  timeoutSeconds: number,
): Promise<T> {
  const outcome = await runBounded([...tool.argv, script, ...args], { timeoutSeconds, env: tool.env });
  if (outcome.exitCode === 0) return JSON.parse(outcome.stdout) as T;
  const said = outcome.stderr.trim().split('\n').at(-1);
  const actual = outcome.killed
    ? `it was killed (${outcome.killed} after ${timeoutSeconds} s)`
    : said || `exit code ${outcome.exitCode}`;
  throw new SystemError('JUDGE_FAILED', {
    action: `judge with ${basename(script)} (${tool.name} ${tool.version})`,
    actual,
    wanted: 'a vmcore that it opens, with the debug symbols of its kernel',
  });
}
