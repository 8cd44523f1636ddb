/** What a person who comes to the rescue shell is told: what happened, where the evidence lies, what to try. */
import type { FinalAction } from '../options/schema.ts';

export interface ShellBanner {
  readonly reason: string;
  /** Where the target is mounted for the shell; undefined where it could not be. */
  readonly mountpoint: string | undefined;
  /** What could be saved, below the mountpoint. */
  readonly directory?: string;
  readonly finalAction: FinalAction;
}

export function shellBanner({ reason, mountpoint, directory, finalAction }: ShellBanner): string[] {
  const evidence = mountpoint && directory && `${mountpoint}${directory}`;
  const where = mountpoint
    ? `the target is mounted read-write on ${mountpoint}; ${evidence ? `what was saved is in ${evidence}` : 'nothing was saved there'}`
    : `the target is not mounted; ${directory ? `what was saved is on it, in ${directory}` : 'nothing was saved there'}`;
  return [
    `here because the dump was not saved: ${reason}`,
    where,
    "try: dmesg | tail -n 40                 the crash kernel's own log",
    mountpoint
      ? `try: ls -l ${evidence ?? mountpoint}; df -h ${mountpoint}`
      : 'try: cat /proc/partitions; mount DEVICE /target',
    'try: cp /proc/vmcore /target/vmcore     all of memory, as it is, once the target has room for it',
    `"exit" goes home: ${finalAction}`,
  ];
}
