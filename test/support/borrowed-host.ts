/**
 * This machine with other files: a mount namespace in which a test's folders lie over /etc, /usr/bin and /var/crash.
 * What a command writes to /etc and /var is gone with it, unless `state` keeps it.
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';

export interface Borrowed {
  /** What is at /var/crash. */
  readonly crash: string;
  /** Files for /etc. */
  readonly etc?: string;
  /** Commands for /usr/bin. */
  readonly bin?: string;
  /** What is at /var/lib/kdumpling, and stays. */
  readonly state?: string;
}

/** The argv that runs `argv` so. @param dir a folder of the test's own. Needs root. */
export function onBorrowedHost(
  dir: string,
  { crash, etc, bin, state }: Borrowed,
  argv: readonly string[],
): string[] {
  const layers = mkdtempSync(join(dir, 'layers-'));
  const over = (at: string, name: string) => `mkdir ${layers}/${name} ${layers}/${name}-work
    mount -t overlay overlay -o lowerdir=${at},upperdir=${layers}/${name},workdir=${layers}/${name}-work ${at}`;
  if (state) mkdirSync(state, { recursive: true });
  const script = `set -e
    mount -t tmpfs tmpfs ${layers}
    ${over('/var', 'var')}
    mkdir -p /var/crash /var/lib/kdumpling
    mount --bind ${crash} /var/crash
    ${state ? `mount --bind ${state} /var/lib/kdumpling` : ''}
    ${bin ? `mount -t overlay overlay -o lowerdir=${bin}:/usr/bin /usr/bin` : ''}
    ${etc ? `${over('/etc', 'etc')}\n(cd ${etc} && for file in *; do rm -f /etc/$file; cp $file /etc/; done)` : ''}
    exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', ...argv];
}
