/** What crash(8) prints for some commands, to compare dumps of one machine with each other. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tool } from '../../build/fetch/tools.ts';
import { runBounded } from './bounded-run.ts';

export interface CrashSession {
  readonly vmlinux: string;
  readonly dump: string;
  readonly commands: readonly string[];
  /** For crash itself: `--zero_excluded`. */
  readonly flags?: readonly string[];
  readonly timeoutSeconds: number;
}

/** Command -> its output; empty for one that crash did not get to. What crash prints besides is under `crash`. */
export async function crashOutputs(
  tool: Tool,
  { vmlinux, dump, commands, flags = [], timeoutSeconds }: CrashSession,
): Promise<Readonly<Record<string, string>>> {
  // As its home, the scratch directory keeps the user's .crashrc out.
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-crash-'));
  try {
    const script = join(scratch, 'commands');
    const fileOf = (command: string) => join(scratch, `${commands.indexOf(command)}.txt`);
    const lines = commands.map(command => `${command} > ${fileOf(command)}`);
    await writeFile(script, [...lines, 'exit', ''].join('\n'));
    const { stdout, stderr } = await runBounded([...tool.argv, ...flags, '-s', '-i', script, vmlinux, dump], {
      timeoutSeconds,
      cwd: scratch,
      env: { HOME: scratch },
    });
    const outputs = commands.map(
      async command => [command, await readFile(fileOf(command), 'utf8').catch(() => '')] as const,
    );
    return { ...Object.fromEntries(await Promise.all(outputs)), crash: `${stdout}${stderr}`.trim() };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
