/** Runs cases in child processes: a case that hangs, takes too much memory or ends the process is found, tried alone, and named. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Case, caseAt } from './cases.ts';
import type { Kind, Outcome } from './kind.ts';
import type { Report, Work } from './worker.ts';

export interface Fuzzing {
  readonly kinds: readonly Kind[];
  readonly seed: number;
  /** Positions of the run, half-open. */
  readonly from: number;
  readonly to: number;
  readonly endMs: number;
  readonly vmcores: readonly string[];
  /** Of the whole process. */
  readonly mostBytes: number;
  /** Overrides the kinds' own. */
  readonly hangMs?: number;
  readonly signal: AbortSignal;
  readonly onFinding: (finding: Finding) => void;
}

export interface Finding {
  readonly case: Case;
  readonly is: 'wrong' | 'hang' | 'memory' | 'end';
  readonly text: string;
}

export interface KindCounts {
  cases: number;
  readonly outcomes: Record<Outcome | 'failed', number>;
  seconds: number;
  slowestMs: number;
  peakBytes: number;
}

export type Counts = Map<string, KindCounts>;

const HANG_MS = 60_000;
const MS_BETWEEN_LOOKS = 250;
/** Further ones are not tried. */
const MOST_FINDINGS = 40;

export async function fuzz(fuzzing: Fuzzing): Promise<{ counts: Counts; findings: Finding[] }> {
  const counts: Counts = new Map();
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    findings.push(finding);
    fuzzing.onFinding(finding);
  };
  for (let position = fuzzing.from; position < fuzzing.to && findings.length < MOST_FINDINGS; ) {
    if (fuzzing.signal.aborted) break;
    const stop = await runChild(fuzzing, { from: position, to: fuzzing.to }, counts, add);
    if (stop === undefined) break;
    // Alone, in a fresh process: what other cases left behind does not count.
    const again = { ...fuzzing, endMs: Number.MAX_SAFE_INTEGER };
    const alone = await runChild(again, { from: stop.position, to: stop.position + 1 }, new Map(), add);
    if (alone)
      add({ case: caseAt(fuzzing.kinds, fuzzing.seed, stop.position), is: alone.is, text: alone.text });
    position = stop.position + 1;
  }
  return { counts, findings };
}

interface Stop {
  readonly position: number;
  readonly is: Finding['is'];
  readonly text: string;
}

/** Undefined when the child did all its work, or the run is over. */
async function runChild(
  { kinds, seed, endMs, vmcores, mostBytes, hangMs, signal }: Fuzzing,
  range: { readonly from: number; readonly to: number },
  counts: Counts,
  onFinding: (finding: Finding) => void,
): Promise<Stop | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'kdumpling-fuzz-'));
  const work: Work = { seed, kinds: kinds.map(({ name }) => name), ...range, endMs, vmcores, folder };
  const program = join(import.meta.dirname, 'worker.ts');
  const child = spawn(process.execPath, ['--max-old-space-size=400', program, JSON.stringify(work)], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let position = range.from;
  let beganMs: number | undefined;
  let isDone = false;
  let stop: Stop | undefined;
  const stopFor = (is: Finding['is'], text: string) => {
    stop ??= { position, is, text };
    child.kill('SIGKILL');
  };
  const errors: string[] = [];
  child.stderr!.on('data', piece => errors.push(String(piece)));
  const take = (report: Report): void => {
    if (report.is === 'done') isDone = true;
    else if (report.is === 'began') [position, beganMs] = [report.position, Date.now()];
    else {
      beganMs = undefined;
      const one = caseAt(kinds, seed, position);
      count(counts, one.kind, report);
      if (report.is === 'failed') onFinding({ case: one, is: 'wrong', text: report.text });
      if (report.peakBytes > mostBytes) stopFor('memory', `it took ${megabytes(report.peakBytes)} MB`);
    }
  };
  const reports = linesOf(child.stdio[3] as Readable, line => take(JSON.parse(line) as Report));
  const watch = setInterval(() => {
    const mostMs =
      hangMs ?? kinds.find(({ name }) => name === caseAt(kinds, seed, position).kind)?.hangMs ?? HANG_MS;
    if (beganMs !== undefined && Date.now() - beganMs > mostMs)
      stopFor('hang', `it still ran after ${mostMs / 1000} s`);
  }, MS_BETWEEN_LOOKS);
  const abort = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', abort, { once: true });
  try {
    const [end] = await Promise.all([
      new Promise<string>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code, name) => resolve(String(code ?? name)));
      }),
      reports,
    ]);
    if (signal.aborted) return undefined;
    if (!stop && !isDone)
      stop = { position, is: 'end', text: `the process ended with ${end}\n${errors.join('').slice(-4000)}` };
    return stop;
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', abort);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whole lines; what a child that was killed had begun is dropped. (readline takes U+2028 for the end of a line too.) */
async function linesOf(stream: Readable, take: (line: string) => void): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop()!;
    for (const line of lines) take(line);
  }
}

function count(counts: Counts, kind: string, report: Exclude<Report, { is: 'began' | 'done' }>): void {
  const none = () => ({ read: 0, noticed: 0, refused: 0, failed: 0 });
  const of = counts.get(kind) ?? { cases: 0, outcomes: none(), seconds: 0, slowestMs: 0, peakBytes: 0 };
  counts.set(kind, of);
  of.cases++;
  of.outcomes[report.is === 'failed' ? 'failed' : report.outcome]++;
  of.seconds += report.ms / 1000;
  of.slowestMs = Math.max(of.slowestMs, report.ms);
  of.peakBytes = Math.max(of.peakBytes, report.peakBytes);
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
