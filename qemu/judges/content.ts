/**
 * Are the bytes in the dump right? libkdumpfile reads each page of the vmcore from the dump (content.py) and compares the
 * bytes. The pages that it can read must be exactly those in the dump's bitmap.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tool } from '../../build/fetch/tools.ts';
import { readDumpMap } from './dump-map.ts';
import { pythonScript, runPython } from './python.ts';

export interface ContentVerdict {
  readonly passed: boolean;
  readonly problems: readonly string[];
  /** Number of pages that libkdumpfile read and found equal. */
  readonly compared: number;
  /** Pages with other bytes; at most the first hundred. */
  readonly different: readonly number[];
  readonly transcript: string;
  readonly seconds: number;
}

export interface ContentInput {
  readonly dump: string;
  /** The raw vmcore that the dump was made from. */
  readonly vmcore: string;
  readonly timeoutSeconds?: number;
}

interface Finding {
  readonly pfn: number;
}

interface Findings {
  readonly count: number;
  readonly named: readonly Finding[];
}

interface Report {
  readonly readable: number;
  readonly different: Findings;
  readonly unreadable: Findings;
  readonly foreign: Findings;
}

export async function judgeContent(
  libkdumpfile: Tool,
  { dump, vmcore, timeoutSeconds = 600 }: ContentInput,
): Promise<ContentVerdict> {
  const startedMs = Date.now();
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-content-'));
  try {
    const out = join(scratch, 'readable');
    const args = [dump, vmcore, out];
    const report = await runPython<Report>(libkdumpfile, pythonScript('content.py'), args, timeoutSeconds);
    const readable = await readFile(out);
    const map = readDumpMap(dump);
    const unlike: Finding[] = [];
    for (let pfn = 0; pfn < map.maxMapnr; pfn++) {
      if ((readable[pfn] === 1) !== map.has(pfn)) unlike.push({ pfn });
    }
    const problems = [
      ...describe(report.different, 'with other bytes than the vmcore'),
      ...describe(report.unreadable, 'that cannot be read'),
      ...describe(report.foreign, 'that the vmcore does not have'),
      ...describe({ count: unlike.length, named: unlike }, 'where reader and bitmap disagree'),
      ...(report.readable === 0 ? ['the dump gives no page at all'] : []),
    ];
    return {
      passed: problems.length === 0,
      problems,
      different: report.different.named.map(({ pfn }) => pfn),
      compared: report.readable - report.different.count - report.foreign.count,
      transcript: JSON.stringify(report),
      seconds: (Date.now() - startedMs) / 1000,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function describe({ count, named }: Findings, what: string): string[] {
  if (count === 0) return [];
  const some = named.slice(0, 5).map(({ pfn }) => `0x${pfn.toString(16)}`);
  return [
    `${count} page${count === 1 ? '' : 's'} ${what} (pfn ${some.join(', ')}${count > some.length ? ', …' : ''})`,
  ];
}
