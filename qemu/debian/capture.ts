/** What is measured of one capture in the Debian guest. */
import type { CrashTimes } from './crash.ts';
import type { Guest } from './machine.ts';

export interface Capture {
  /** As uname -r said before the crash. */
  readonly kernel: string;
  readonly times: CrashTimes;
  readonly dumpBytes: number;
  /** The initrd's and what the boot reserved. */
  readonly initrdBytes: number;
  readonly crashkernelMib: number;
}

export async function runningKernel({ agent }: Guest): Promise<string> {
  return (await agent.must('uname -r')).trim();
}

/** Of the boot that is to crash. */
export async function reservation(
  { agent }: Guest,
  initrd: string,
): Promise<Pick<Capture, 'initrdBytes' | 'crashkernelMib'>> {
  const reserved = await agent.must('cat /sys/kernel/kexec_crash_size');
  const bytes = await agent.run(`stat -Lc %s ${initrd}`);
  return { crashkernelMib: Math.round(Number(reserved) / (1 << 20)), initrdBytes: Number(bytes.output) || 0 };
}
