/**
 * crash(8) as a judge: opens the dump in batch mode with the kernel's debug symbols and runs the commands that an engineer
 * would run first. Its output is judged, not its exit code, which is 0 even after "cannot read pid struct".
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tool } from '../../build/fetch/tools.ts';
import { runBounded } from './bounded-run.ts';
import {
  type CrashExpectation,
  type CrashSummary,
  findComplaints,
  findLogComplaints,
  judgeSummary,
  parseCrash,
} from './crash-output.ts';

const COMMANDS = ['sys', 'bt', 'log', 'ps'] as const;

export interface CrashVerdict {
  readonly passed: boolean;
  /** One line each; empty when it passed. */
  readonly problems: readonly string[];
  readonly summary: CrashSummary;
  /** The kernel log as crash reads it. */
  readonly log: string;
  /** Everything that crash printed. */
  readonly transcript: string;
  readonly seconds: number;
}

export interface CrashInput {
  readonly vmlinux: string;
  readonly dump: string;
  readonly expected?: CrashExpectation;
  readonly timeoutSeconds?: number;
}

export async function runCrash(
  tool: Tool,
  { vmlinux, dump, expected, timeoutSeconds = 180 }: CrashInput,
): Promise<CrashVerdict> {
  // As its home, the scratch directory keeps the user's .crashrc and history out, and holds its output files.
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-crash-'));
  const startedMs = Date.now();
  try {
    const script = join(scratch, 'commands');
    const output = (command: string) => join(scratch, `${command}.txt`);
    await writeFile(
      script,
      [...COMMANDS.map(command => `${command} > ${output(command)}`), 'exit', ''].join('\n'),
    );
    const outcome = await runBounded([...tool.argv, '-s', '-i', script, vmlinux, dump], {
      timeoutSeconds,
      cwd: scratch,
      env: { HOME: scratch },
    });
    // A command that crash did not reach leaves no file.
    const shown = async (command: string) => readFile(output(command), 'utf8').catch(() => '');
    const [sys, bt, log, ps] = (await Promise.all(COMMANDS.map(shown))) as [string, string, string, string];
    const summary = parseCrash({ sys, bt, ps });
    const problems = [
      ...(outcome.killed ? [`crash was killed (${outcome.killed} after ${timeoutSeconds} s)`] : []),
      ...(outcome.exitCode === null && !outcome.killed ? ['crash was ended by a signal'] : []),
      ...(sys === '' && !outcome.killed
        ? [`crash did not get to its first command (exit code ${outcome.exitCode})`]
        : []),
      ...findComplaints([outcome.stdout, outcome.stderr, sys, bt, ps].join('\n')),
      ...findLogComplaints(log),
      ...(log.trim() === '' ? ['log shows nothing'] : []),
      ...judgeSummary(summary, expected),
    ];
    return {
      passed: problems.length === 0,
      problems: [...new Set(problems)],
      summary,
      log,
      transcript: [outcome.stdout, outcome.stderr, sys, bt, ps].filter(text => text !== '').join('\n'),
      seconds: (Date.now() - startedMs) / 1000,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
