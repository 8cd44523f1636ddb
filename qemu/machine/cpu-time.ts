/** CPU time of a process: on a busy host it says how much work an emulated machine did, where the clock says little. */
import { readFileSync } from 'node:fs';
import { attempt } from '../../capture/errors.ts';

/** USER_HZ, in which the kernel counts CPU time for programs on all architectures that the lab runs on (proc(5)). */
const TICKS_A_SECOND = 100;

/** Of all threads, user and system, in seconds; undefined where the process is gone. */
export function cpuSecondsOf(pid: number): number | undefined {
  return attempt(() => parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8')));
}

/** @param stat as /proc/PID/stat: utime and stime are the 14th and the 15th field; the second, a name, may hold blanks. */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
