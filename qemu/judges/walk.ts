/**
 * Is the dump a consistent kernel? drgn walks tasks, stacks, the log, mounts, files, modules and slabs (walk.py). A part
 * fails when it faults, or when it sees something else than the same walk over the raw vmcore.
 */
import type { Tool } from '../../build/fetch/tools.ts';
import { pythonScript, runPython } from './python.ts';

/** What one part of the walk saw: the number of objects and a digest of them. */
export interface PartSeen {
  readonly seen: number;
  readonly digest: string;
  readonly seconds: number;
}

/** The walk over one file. */
export interface KernelWalk {
  readonly parts: Readonly<Record<string, PartSeen>>;
  readonly problems: readonly string[];
}

export interface WalkVerdict {
  readonly passed: boolean;
  readonly problems: readonly string[];
  readonly parts: Readonly<Record<string, PartSeen>>;
  readonly transcript: string;
  readonly seconds: number;
}

export interface WalkInput {
  readonly dump: string;
  readonly vmlinux: string;
  /** The walk over the raw vmcore, to compare with. */
  readonly original?: KernelWalk;
  readonly timeoutSeconds?: number;
}

/** @param path a dump, or a raw vmcore. */
export function walkKernel(
  drgn: Tool,
  path: string,
  vmlinux: string,
  timeoutSeconds = 300,
): Promise<KernelWalk> {
  return runPython<KernelWalk>(drgn, pythonScript('walk.py'), [path, vmlinux], timeoutSeconds);
}

export async function judgeWalk(
  drgn: Tool,
  { dump, vmlinux, original, timeoutSeconds }: WalkInput,
): Promise<WalkVerdict> {
  const startedMs = Date.now();
  const walk = await walkKernel(drgn, dump, vmlinux, timeoutSeconds);
  const problems = [...walk.problems, ...(original ? differences(walk, original) : [])];
  return {
    passed: problems.length === 0,
    problems,
    parts: walk.parts,
    transcript: JSON.stringify(walk),
    seconds: (Date.now() - startedMs) / 1000,
  };
}

function differences(walk: KernelWalk, original: KernelWalk): string[] {
  return Object.entries(original.parts)
    .filter(([name, { digest }]) => walk.parts[name]?.digest !== digest)
    .map(
      ([name, { seen }]) => `${name}: not what the vmcore has (${walk.parts[name]?.seen ?? 0} of ${seen})`,
    );
}
