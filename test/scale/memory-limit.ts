/** Runs a program within a limit of memory, by what this machine has: cgroup v2, cgroup v1, or RLIMIT_DATA alone. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LimitedRun {
  readonly status: number | string;
  readonly wallSeconds: number;
  /** Highest seen of what is the program's own and cannot be read back from a file. */
  readonly peakAnonBytes: number;
  readonly peakRssBytes: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MemoryLimit {
  /** What it limits, for the table. */
  readonly kind: string;
  run(argv: readonly string[]): Promise<LimitedRun>;
  close(): void;
}

const CGROUP_V1 = '/sys/fs/cgroup/memory';
const CGROUP_V2 = '/sys/fs/cgroup';
const POLL_MS = 5;

export function openMemoryLimit(limitBytes: number): MemoryLimit {
  const group = createGroup(limitBytes);
  const kibibytes = Math.ceil(limitBytes / 1024);
  const enter = group ? `echo $$ > ${group.dir}/cgroup.procs` : `ulimit -d ${kibibytes}`;
  return {
    kind: group?.kind ?? 'RLIMIT_DATA (no cgroup can be made here)',
    run: argv => runWatched(['bash', '-c', `${enter} && exec "$@"`, 'bash', ...argv]),
    close: () => group && rmdirSync(group.dir),
  };
}

function createGroup(limitBytes: number): { dir: string; kind: string } | undefined {
  const isV1 = existsSync(join(CGROUP_V1, 'memory.limit_in_bytes'));
  const [root, file, kind] = isV1
    ? [CGROUP_V1, 'memory.limit_in_bytes', 'cgroup v1 memory.limit_in_bytes, page cache included']
    : [CGROUP_V2, 'memory.max', 'cgroup v2 memory.max, page cache included'];
  const dir = join(root, `kdumpling-scale-${process.pid}`);
  try {
    mkdirSync(dir);
    writeFileSync(join(dir, file), String(limitBytes));
    return { dir, kind };
  } catch {
    if (existsSync(dir)) rmdirSync(dir);
    return undefined;
  }
}

function runWatched([command, ...args]: readonly string[]): Promise<LimitedRun> {
  const startedMs = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [peakAnonBytes, peakRssBytes] = [0, 0];
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', text => {
    stdout += text;
  });
  child.stderr.on('data', text => {
    stderr += text;
  });
  const watch = setInterval(() => {
    const status = statusOf(child.pid!);
    peakAnonBytes = Math.max(peakAnonBytes, bytesOf(status, 'RssAnon'));
    peakRssBytes = Math.max(peakRssBytes, bytesOf(status, 'VmHWM'));
  }, POLL_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(watch);
      const wallSeconds = (performance.now() - startedMs) / 1000;
      resolve({ status: code ?? signal!, wallSeconds, peakAnonBytes, peakRssBytes, stdout, stderr });
    });
  });
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

function bytesOf(status: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
}
