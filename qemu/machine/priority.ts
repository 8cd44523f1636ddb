/**
 * QEMU has a session of its own, and so a scheduling group of its own with the nice value 0 (sched(7), autogroup). A measurement
 * that was given priority, by `echo -20 > /proc/self/autogroup` in a session of its own, must have it where the work is.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { attempt } from '../../capture/errors.ts';

/** Gives the process's group the nice value of this process's group. Does nothing where the kernel has no such groups. */
export function shareGroupNice(pid: number): void {
  attempt(() => {
    const nice = /nice (-?\d+)$/m.exec(readFileSync('/proc/self/autogroup', 'utf8'))?.[1] ?? '0';
    if (nice !== '0') writeFileSync(`/proc/${pid}/autogroup`, nice);
  });
}
