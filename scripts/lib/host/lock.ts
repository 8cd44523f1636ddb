/** One command at a time builds the initrd or loads the crash kernel; the others wait. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemError } from '../../../capture/errors.ts';
import { openFlock } from '../../../capture/ffi/flock.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import type { Host } from './host.ts';

const FILE = '/run/kdumpling/lock';
const LOOK_AGAIN_MS = 100;
const NOTICE_AFTER_MS = 1000;
/** A command that builds and loads takes seconds, or a minute or two on a slow machine. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Runs `work` while this process holds the machine's lock, which ends with the process however that ends.
 * @param signal ends the waiting, not the work.
 * @throws SystemError after ten minutes of waiting, and what `work` throws.
 */
export async function withHostLock<T>(
  host: Host,
  signal: AbortSignal,
  work: () => T | Promise<T>,
): Promise<T> {
  const fd = openLock(host);
  try {
    await acquire(fd, signal);
    return await work();
  } finally {
    closeSync(fd);
  }
}

/** In an image nothing is left behind: its own root directory is what is locked. */
function openLock(host: Host): number {
  if (host.isImage) return openSync(host.root, 'r');
  const path = host.path(FILE);
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, 'w', 0o600);
}

async function acquire(fd: number, signal: AbortSignal): Promise<void> {
  const tryLock = openFlock(openFfi());
  const start = Date.now();
  let noticed = false;
  while (!tryLock(fd)) {
    const waited = Date.now() - start;
    if (waited > PATIENCE_MS)
      throw new SystemError('LOCKED', {
        action: `lock ${FILE}`,
        actual: 'another kdumpling command has held it for ten minutes',
        toDo: 'Find that command and see what it waits for',
      });
    if (!noticed && waited > NOTICE_AFTER_MS) {
      console.error('waiting for another kdumpling command …');
      noticed = true;
    }
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}
