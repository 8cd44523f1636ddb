/** Measurements of one capture in the Debian guest. */
import type { CrashTimes } from './crash.ts';
import type { Guest } from './machine.ts';

export interface Capture {
  /** uname -r before the crash. */
  readonly kernel: string;
  readonly times: CrashTimes;
  readonly dumpBytes: number;
  /** Size of the capture initrd, and of the reservation. */
  readonly initrdBytes: number;
  readonly crashkernelMib: number;
}

/** The smallest file that can be a dump of the guest: kdump-tools also calls an empty one saved. */
export const LEAST_DUMP_BYTES = 1e6;

export async function runningKernel({ agent }: Guest): Promise<string> {
  return (await agent.must('uname -r')).trim();
}

/** Measured before the crash. */
export async function reservation(
  { agent }: Guest,
  initrd: string,
): Promise<Pick<Capture, 'initrdBytes' | 'crashkernelMib'>> {
  const reserved = await agent.must('cat /sys/kernel/kexec_crash_size');
  const bytes = await agent.run(`stat -Lc %s ${initrd}`);
  return { crashkernelMib: Math.round(Number(reserved) / (1 << 20)), initrdBytes: Number(bytes.output) || 0 };
}
