/** The first lines of the rescue shell: what happened, where the saved files are, and commands to try. */
import type { FinalAction } from '../options/schema.ts';

export interface ShellBanner {
  readonly reason: string;
  /** Where the target is mounted for the shell; undefined where it is not. */
  readonly mountpoint: string | undefined;
  /** Where the saved files are, seen from the target's root. */
  readonly directory?: string;
  readonly finalAction: FinalAction;
}

export function shellBanner({ reason, mountpoint, directory, finalAction }: ShellBanner): string[] {
  const evidence = mountpoint && directory && `${mountpoint}${directory}`;
  const where = mountpoint
    ? `the target is mounted read-write on ${mountpoint}; ${evidence ? `what was saved is in ${evidence}` : 'nothing was saved there'}`
    : `the target is not mounted; ${directory ? `what was saved is on it, in ${directory}` : 'nothing was saved there'}`;
  return [
    `the dump was not saved: ${reason}`,
    where,
    "try: dmesg | tail -n 40                 the crash kernel's own log",
    mountpoint
      ? `try: ls -l ${evidence ?? mountpoint}; df -h ${mountpoint}`
      : 'try: cat /proc/partitions; mount DEVICE /target',
    'try: cp /proc/vmcore /target/vmcore     all of memory, uncompressed; the target needs room for it',
    `"exit" ends the shell; final action: ${finalAction}`,
  ];
}
