/**
 * How long makedumpfile chooses pages, by its own reports and its CPU time. It works in cycles of as many pages as its buffer
 * of 4 MiB has bits, and goes through them twice: to count the pages, and to write them. It is ended after the first time
 * through, or on a larger machine after the cycles of 4 TiB.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Tool } from '../../build/fetch/tools.ts';
import { Failure } from '../../capture/errors.ts';
import type { Spent } from './plan-run.ts';

export interface PeerFilter {
  /** Once through the first `pages` page frames, from the first cycle's start on. */
  readonly onePass: Spent;
  /** All of the machine's, or those of the cycles that were measured. */
  readonly pages: number;
  /** What it did before: headers, and the table of sections. */
  readonly before: Spent;
  readonly peakRssBytes: number;
}

/** Its default for machines of any size that needs more than one cycle; named, so that their number is known. */
const BUFFER_KIB = 4096;
const PAGES_PER_CYCLE = BUFFER_KIB * 1024 * 8;
/** 4 TiB of memory: each further cycle costs the same. */
const MOST_CYCLES = 32;
/** What stdbuf(1) preloads: without it, a report comes long after what it is about. */
const LINE_BUFFER = '/usr/libexec/coreutils/libstdbuf.so';
/** Of /proc/<pid>/stat, on every architecture that Linux shows to user space (USER_HZ). */
const TICKS_PER_SECOND = 100;

/**
 * @param max_mapnr the end of memory in pages.
 * @throws Failure when it ends before it is through.
 */
export async function measurePeer({ argv }: Tool, vmcore: string, max_mapnr: number): Promise<PeerFilter> {
  const cycles = Math.min(MOST_CYCLES, Math.ceil(max_mapnr / PAGES_PER_CYCLE));
  // It would map the file, and a mapped hole of a tmpfs takes memory.
  const flags = ['-d', '31', '-l', '--dry-run', '--non-mmap', '--cyclic-buffer', `${BUFFER_KIB}`];
  const [command, ...args] = [...argv, ...flags, '--message-level', '31', vmcore, '/nowhere'];
  const startedMs = performance.now();
  const env = { ...process.env, LD_PRELOAD: LINE_BUFFER, _STDBUF_O: 'L' };
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], env });
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const now = (): Spent => ({
    wallSeconds: (performance.now() - startedMs) / 1000,
    cpuSeconds: cpuSecondsOf(child.pid!),
  });
  let before: Spent | undefined;
  let done = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('STEP [Checking for memory holes')) before ??= now();
    if (!line.includes('STEP [Excluding unnecessary pages]') || ++done < cycles) continue;
    const through = now();
    const peakRssBytes = highestRss(child.pid!);
    child.kill('SIGTERM');
    await ended;
    const { wallSeconds, cpuSeconds } = before!;
    return {
      before: before!,
      pages: Math.min(max_mapnr, cycles * PAGES_PER_CYCLE),
      onePass: {
        wallSeconds: through.wallSeconds - wallSeconds,
        cpuSeconds: through.cpuSeconds - cpuSeconds,
      },
      peakRssBytes,
    };
  }
  throw new Failure('SCALE_PEER', {
    action: 'measure makedumpfile',
    actual: `it ended with ${await ended} after ${done} of ${cycles} cycles`,
    wanted: 'a report of each cycle',
  });
}

function cpuSecondsOf(pid: number): number {
  // The command's name is in parentheses and may have spaces; utime and stime are the 12th and 13th field behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function highestRss(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
