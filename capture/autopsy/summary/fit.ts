/** Makes an autopsy fit into a number of bytes: a machine may have thousands of CPUs, and a damaged one endless lists. */
import { type Autopsy, type AutopsyList, isMissing } from './autopsy.ts';

/** The first entries of each matter most, once the CPUs that are idle come last. */
const LISTS: readonly AutopsyList[] = ['stacks', 'cpus', 'waits', 'modules'];

/**
 * Halves the longest list until the JSON has at most `mostBytes`. The autopsy itself where it fits.
 * @returns undefined when it does not fit without any list.
 */
export function fitted(autopsy: Autopsy, mostBytes: number): Autopsy | undefined {
  if (byteLength(autopsy) <= mostBytes) return autopsy;
  let now = busyFirst(autopsy);
  while (byteLength(now) > mostBytes) {
    const lengths = LISTS.map(name => (isMissing(now[name]) ? 0 : byteLength(now[name])));
    const name = LISTS[lengths.indexOf(Math.max(...lengths))]!;
    const list = now[name];
    if (isMissing(list) || list.length === 0) return undefined;
    const kept = list.slice(0, list.length >> 1);
    const before = now.leftOut?.[name] ?? 0;
    now = {
      ...now,
      [name]: kept,
      leftOut: { ...now.leftOut, [name]: before + list.length - kept.length },
    };
  }
  return now;
}

function busyFirst(autopsy: Autopsy): Autopsy {
  const { cpus } = autopsy;
  if (isMissing(cpus)) return autopsy;
  return { ...autopsy, cpus: [...cpus].sort((a, b) => Number(a.isIdle) - Number(b.isIdle)) };
}

function byteLength(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
