/** A crash that QEMU's emulation spoilt, where no code of ours ran, is made once more. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Accel } from '../machine/arch.ts';
import { LostMachine } from '../machine/machine.ts';
import type { Verdict } from './crash.ts';

/**
 * Under QEMU's emulation (seen: QEMU 7.2.22, 2 CPUs, a busy host, once in some 150 boots) a CPU runs a breakpoint of the kernel's
 * patching of its own code that is no longer there, in sched_clock_cpu each time. A real CPU has seen the change before the kernel
 * goes on (Linux arch/x86/kernel/alternative.c, text_poke_bp_batch).
 */
const STALE_BREAKPOINT = /\bint3: 0000 \[#\d+\]/;
const KERNEL_START = /^(?=\[ *0\.0{6}\] Linux version )/m;

/** @returns why the emulation is to blame; undefined where it may be the capture. */
export function emulationFault(serialLog: string, isLost: boolean): string | undefined {
  if (STALE_BREAKPOINT.test(serialLog)) return 'a kernel ran a breakpoint that was no longer there (int3)';
  const boots = serialLog.split(KERNEL_START);
  const last = boots.at(-1)!;
  const isAfterCapture = boots.length > 2 && !/Command line:.* elfcorehdr=|^lab: /m.test(last);
  return isLost && isAfterCapture ? 'the ordinary kernel hung at its boot after the capture' : undefined;
}

/** The spoilt run's directory stays, with its own verdict. @param onAgain is told why, before the second crash. */
export async function crashTwiceAtMost(
  accel: Accel,
  onAgain: (why: string) => void,
  crash: () => Promise<Verdict>,
): Promise<Verdict> {
  let why: string | undefined;
  try {
    const verdict = await crash();
    if (accel !== 'tcg' || verdict.verdict === 'passed') return verdict;
    why = emulationFault(verdict.run.lines.map(({ text }) => text).join('\n'), false);
    if (!why) return verdict;
  } catch (error) {
    if (accel !== 'tcg' || !(error instanceof LostMachine)) throw error;
    why = emulationFault(readFileSync(join(error.directory, 'serial.log'), 'latin1'), true);
    if (!why) throw error;
  }
  onAgain(why);
  return crash();
}
