/**
 * gdb as a judge of ELF cores: with the symbols moved by KASLR's offset (KERNELOFFSET), it reads globals in the kernel
 * image and walks the list of tasks, whose structures are in the direct map.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tool } from '../../build/fetch/tools.ts';
import { runBounded } from './bounded-run.ts';

/** More tasks than any machine of the lab has: a broken list may never end. */
const MOST_TASKS = 5000;

export interface GdbVerdict {
  readonly problems: readonly string[];
  readonly release: string;
  readonly commandLine: string;
  /** `PID COMM`, starting at init_task, in the kernel's order. */
  readonly tasks: readonly string[];
  readonly transcript: string;
}

export interface GdbInput {
  readonly core: string;
  readonly vmlinux: string;
  /** KERNELOFFSET of vmcoreinfo. */
  readonly kernelOffset: bigint;
  readonly timeoutSeconds?: number;
}

export async function runGdb(
  gdb: Tool,
  { core, vmlinux, kernelOffset, timeoutSeconds = 300 }: GdbInput,
): Promise<GdbVerdict> {
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-gdb-'));
  try {
    const script = join(scratch, 'commands');
    await writeFile(script, gdbCommands(core, vmlinux, kernelOffset));
    const argv = [...gdb.argv, '-batch', '-nx', '-x', script];
    const { stdout, stderr, killed } = await runBounded(argv, { timeoutSeconds, cwd: scratch });
    return parseGdb(
      stdout,
      killed ? `${stderr}\ngdb was killed (${killed} after ${timeoutSeconds} s)` : stderr,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function gdbCommands(core: string, vmlinux: string, kernelOffset: bigint): string {
  return `
set pagination off
set width 0
set print elements 0
core-file ${core}
symbol-file ${vmlinux} -o 0x${kernelOffset.toString(16)}
printf "release: %s\\n", init_uts_ns.name.release
printf "command line: %s\\n", saved_command_line
set $offset = (unsigned long)&((struct task_struct *)0)->tasks
set $at = &init_task.tasks
set $seen = 0
while $seen < ${MOST_TASKS} && ($seen == 0 || $at != &init_task.tasks)
  set $task = (struct task_struct *)((char *)$at - $offset)
  printf "task: %d %s\\n", $task->pid, $task->comm
  set $at = $at->next
  set $seen = $seen + 1
end
printf "tasks: %d\\n", $seen
`;
}

/** gdb goes on after an error in the body of `while`, and stops at one in the script: then later output is missing. */
export function parseGdb(stdout: string, stderr: string): GdbVerdict {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? '';
  const tasks = [...stdout.matchAll(/^task: (\d+ .*)$/gm)].map(([, task]) => task!);
  const count = Number(field('tasks'));
  const complaints = stderr.split('\n').filter(line => /cannot|error|no symbol|killed/i.test(line));
  return {
    problems: [
      ...new Set(complaints),
      ...(field('release') === '' ? ['gdb reads no release'] : []),
      ...(field('command line') === '' ? ['gdb reads no command line'] : []),
      ...(count === tasks.length && count > 1 && count < MOST_TASKS
        ? []
        : [`gdb's walk over the tasks gave ${tasks.length} and counted "${field('tasks')}"`]),
    ],
    release: field('release'),
    commandLine: field('command line'),
    tasks,
    transcript: `${stdout}\n${stderr}`,
  };
}
