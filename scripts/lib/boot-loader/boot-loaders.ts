/** The host's own way to a kernel command line: found, used, remembered and undone. */
import { SystemError } from '../../../capture/errors.ts';
import type { Host } from '../host/host.ts';
import type { BootLoader, Undo } from './boot-loader.ts';
import { cos } from './cos.ts';
import { grubDebian } from './grub-debian.ts';
import { grubby } from './grubby.ts';
import { rpmOstree } from './rpm-ostree.ts';
import { systemdBoot } from './systemd-boot.ts';

/** In the order they are looked for: what owns the command line before what could also write it. */
const BOOT_LOADERS: readonly BootLoader[] = [cos, rpmOstree, grubby, systemdBoot, grubDebian];

/** What `enable` did, until `disable` undoes it. */
const UNDO_FILE = '/var/lib/kdumpling/boot-loader.json';

export function findBootLoader(host: Host): BootLoader | undefined {
  return BOOT_LOADERS.find(loader => loader.detect(host));
}

/** Sets crashkernel= for the next boots. @returns whether anything was changed. @throws SystemError */
export function setCrashkernel(host: Host, loader: BootLoader, value: string): boolean {
  if (loader.configured(host) === value) return false;
  const before = readUndo(host);
  const plan = loader.plan(host, value, before?.loader === loader.name ? before.undo : undefined);
  writeUndo(host, { loader: loader.name, undo: plan });
  writeUndo(host, { loader: loader.name, undo: applyOrForget(host, loader, plan, before) });
  return true;
}

/** A plan that could not be carried out leaves what was written down before it. */
function applyOrForget(host: Host, loader: BootLoader, plan: Undo, before: Done | undefined): Undo {
  try {
    return loader.apply(host, plan);
  } catch (error) {
    writeUndo(host, before);
    throw error;
  }
}

/** Undoes that. @returns whether there was anything of ours. @throws SystemError */
export function unsetCrashkernel(host: Host): boolean {
  const done = readUndo(host);
  if (!done) return false;
  const loader = BOOT_LOADERS.find(({ name }) => name === done.loader);
  if (!loader?.detect(host)) {
    throw new SystemError('BOOT_LOADER_GONE', {
      action: 'take crashkernel= out again',
      actual: `it was set by ${done.loader}, which is not there any more`,
      toDo: `take it out by hand, then remove ${UNDO_FILE}`,
    });
  }
  loader.undo(host, done.undo);
  host.remove(UNDO_FILE);
  return true;
}

export function noBootLoader(value: string): SystemError {
  return new SystemError('NO_BOOT_LOADER', {
    action: 'set crashkernel= for the next boot',
    actual: 'what boots this machine is none of what we know',
    wanted: `crashkernel=${value} put on the kernel command line by hand; known are ${BOOT_LOADERS.map(({ name }) => name).join(', ')}`,
  });
}

interface Done {
  /** The boot loader's name. */
  readonly loader: string;
  readonly undo: Undo;
}

function readUndo(host: Host): Done | undefined {
  const text = host.read(UNDO_FILE);
  return text === undefined ? undefined : (JSON.parse(text) as Done);
}

function writeUndo(host: Host, done: Done | undefined): void {
  if (done) host.write(UNDO_FILE, `${JSON.stringify(done, null, 2)}\n`, 0o600);
  else host.remove(UNDO_FILE);
}
