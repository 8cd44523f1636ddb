/**
 * Runs cases in a process of its own, which can be ended when one hangs and measured when one takes memory. Reports on
 * file descriptor 3, a line of JSON each: written at once, so that the last line names the case that hangs.
 */
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Counterexample, caseAt, runCase } from './cases.ts';
import { CONTROLS } from './controls.ts';
import type { Attacker, Outcome } from './kind.ts';
import { KINDS, KINDS_OF_REAL_VMCORES } from './kinds.ts';

export interface Work {
  readonly seed: number;
  readonly kinds: readonly string[];
  /** Positions of the run, half-open. */
  readonly from: number;
  readonly to: number;
  readonly endMs: number;
  readonly vmcores: readonly string[];
  readonly folder: string;
}

export type Report =
  | { readonly is: 'began'; readonly position: number }
  | { readonly is: 'ended'; readonly outcome: Outcome; readonly ms: number; readonly peakBytes: number }
  | { readonly is: 'failed'; readonly text: string; readonly ms: number; readonly peakBytes: number }
  | { readonly is: 'done' };

// Each Failure takes a stack, and a case makes thousands of them.
Error.stackTraceLimit = 6;
const REPORTS = 3;
const work = JSON.parse(process.argv[2]!) as Work;
const all = [...KINDS, ...KINDS_OF_REAL_VMCORES, ...CONTROLS];
const kinds = work.kinds.map(name => all.find(kind => kind.name === name)!);
const attackers = new Map<string, Attacker>();

for (let position = work.from; position < work.to && Date.now() < work.endMs; position++) {
  const one = caseAt(kinds, work.seed, position);
  // Before the clock starts: the valid inputs are no part of a case.
  const attacker = attackers.get(one.kind) ?? (await open(one.kind));
  report({ is: 'began', position });
  const startedMs = performance.now();
  forgetPeak();
  try {
    const outcome = await runCase(attacker, one);
    report({ is: 'ended', outcome, ms: performance.now() - startedMs, peakBytes: peakBytes() });
  } catch (error) {
    if (!(error instanceof Counterexample)) throw error;
    report({ is: 'failed', text: error.message, ms: performance.now() - startedMs, peakBytes: peakBytes() });
  }
}
report({ is: 'done' });

async function open(name: string): Promise<Attacker> {
  const folder = join(work.folder, name);
  mkdirSync(folder, { recursive: true });
  const attacker = await all.find(kind => kind.name === name)!.open({ vmcores: work.vmcores, folder });
  attackers.set(name, attacker);
  return attacker;
}

function report(message: Report): void {
  writeSync(REPORTS, `${JSON.stringify(message)}\n`);
}

/** proc(5): 5 in clear_refs resets VmHWM to what is used now. */
function forgetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}

function peakBytes(): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))![1];
  return Number(kib) * 1024;
}
