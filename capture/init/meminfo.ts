/** How much memory the capture kernel has, for the log. A reservation that is too small shows here first. */

/** @param meminfo the text of /proc/meminfo (proc_meminfo(5)), whose figures are in KiB. */
export function describeMemory(meminfo: string): string {
  const mebibytes = (name: string) => {
    const match = new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(meminfo);
    return match ? String(Math.round(Number(match[1]) / 1024)) : '?';
  };
  return `${mebibytes('MemAvailable')} of ${mebibytes('MemTotal')} MiB of memory available`;
}
