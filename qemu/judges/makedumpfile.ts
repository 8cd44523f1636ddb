/** makedumpfile as a judge of the kernel log: compares the log that it reads from a dump with the one that we wrote. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tool } from '../../build/fetch/tools.ts';
import { DumpFormatError } from '../../capture/errors.ts';
import { runBounded } from './bounded-run.ts';

export interface LogDifference {
  readonly side: 'theirs' | 'ours' | 'order';
  readonly line: string;
}

/** The kernel log in a dump (kdump-compressed or ELF). @throws DumpFormatError NO_DMESG when makedumpfile finds none */
export async function dumpDmesg(tool: Tool, dump: string): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-dmesg-'));
  try {
    const out = join(scratch, 'dmesg.txt');
    const { stdout, stderr, exitCode } = await runBounded([...tool.argv, '--dump-dmesg', dump, out], {
      timeoutSeconds: 120,
      cwd: scratch,
    });
    const text = await readFile(out, 'utf8').catch(() => '');
    if (exitCode === 0 && text !== '') return text;
    const said = `${stderr}\n${stdout}`.split('\n').filter(line => !/^\s*$|^makedumpfile Failed/.test(line));
    throw new DumpFormatError('NO_DMESG', {
      action: `read the kernel log in ${dump} with makedumpfile ${tool.version}`,
      actual: said.at(0) ?? 'it wrote nothing',
      wanted: 'a dump that it opens',
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Lines that only one of two logs has. When there are none, the first line that is at another place. */
export function compareLogs(theirs: string, ours: string): LogDifference[] {
  const [a, b] = [logLines(theirs), logLines(ours)];
  const differences: LogDifference[] = [
    ...subtract(a, b).map(line => ({ side: 'theirs' as const, line })),
    ...subtract(b, a).map(line => ({ side: 'ours' as const, line })),
  ];
  if (differences.length > 0) return differences;
  const moved = b.find((line, index) => line !== a[index]);
  return moved === undefined ? [] : [{ side: 'order', line: moved }];
}

/**
 * Removes what differs between tools and versions: caller ids (`[    1.0] [    T1] `), the indentation of a message's
 * further lines, trailing spaces.
 */
function logLines(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.replace(/^(\[ *\d+\.\d+\]) ?\[ *[TC]\d+\]/, '$1').trim())
    .filter(line => line !== '');
}

function subtract(from: readonly string[], what: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of what) left.set(line, (left.get(line) ?? 0) + 1);
  return from.filter(line => {
    const count = left.get(line) ?? 0;
    if (count > 0) left.set(line, count - 1);
    return count === 0;
  });
}
