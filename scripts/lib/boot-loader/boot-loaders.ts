/** The host's own way to a kernel command line: found, used, read back, recorded and undone. */
import { SystemError } from '../../../capture/errors.ts';
import { effectiveValues, haveSameEffect } from '../crashkernel/reading.ts';
import { type CrashkernelValues, crashkernelValues, crashkernelWords } from '../crashkernel/words.ts';
import type { Host } from '../host/host.ts';
import { readState } from '../host/state-file.ts';
import type { BootLoader, Undo } from './boot-loader.ts';
import { cos } from './cos.ts';
import { grubDebian } from './grub-debian.ts';
import { grubby } from './grubby.ts';
import { rpmOstree } from './rpm-ostree.ts';
import { systemdBoot } from './systemd-boot.ts';
import { type Done, doneOf, isUndoRecord } from './undo-record.ts';
import { foreignBoot } from './what-boots.ts';

/** In the order they are looked for: what owns the command line before what could also write it. */
const BOOT_LOADERS: readonly BootLoader[] = [cos, rpmOstree, grubby, systemdBoot, grubDebian];

/** What `enable` did, until `disable` undoes it. */
const UNDO_FILE = '/var/lib/kdumpling/boot-loader.json';

/** Undefined where none is known, or where what boots takes its command line from nobody. */
export function findBootLoader(host: Host): BootLoader | undefined {
  return foreignBoot(host) ? undefined : BOOT_LOADERS.find(loader => loader.detect(host));
}

/** The `crashkernel=` that the next boot will have. */
export function configuredCrashkernel(host: Host, loader: BootLoader): CrashkernelValues {
  return crashkernelValues(loader.commandLines(host)[0] ?? '');
}

/**
 * Sets crashkernel= for the next boots and reads it back from every entry that may boot.
 * @returns whether anything was changed. @throws SystemError; then what was there before this call is there again.
 */
export function setCrashkernel(host: Host, loader: BootLoader, values: CrashkernelValues): boolean {
  if (isSet(host, loader, values)) return false;
  const before = readUndo(host);
  const mine = before?.loader === loader.name ? before.undo : undefined;
  const plan = loader.plan(host, values, mine);
  writeUndo(host, { loader: loader.name, undo: plan });
  const applied = applyOrForget(host, loader, plan, before);
  writeUndo(host, { loader: loader.name, undo: applied });
  const without = entryWithout(host, loader, values);
  if (without === undefined) return true;
  loader.undo(host, applied);
  writeUndo(
    host,
    mine && { loader: loader.name, undo: loader.apply(host, loader.plan(host, mine.values, mine)) },
  );
  throw new SystemError('NOT_SET', {
    action: `set ${crashkernelWords(values)} for the next boot`,
    actual: `${loader.name} reported success, and ${without}; what was there before is restored`,
    toDo: 'look for another crashkernel= that overrides it, or for what keeps the boot entries from being written',
  });
}

function isSet(host: Host, loader: BootLoader, values: CrashkernelValues): boolean {
  const lines = loader.commandLines(host);
  return lines.length > 0 && lines.every(line => haveSameEffect(crashkernelValues(line), values));
}

/** What an entry has in place of the values; undefined when all have them. */
function entryWithout(host: Host, loader: BootLoader, values: CrashkernelValues): string | undefined {
  const lines = loader.commandLines(host);
  if (lines.length === 0) return 'no boot entry is to be seen';
  const wanted = effectiveValues(values);
  const there = lines.map(line => crashkernelValues(line));
  const lacking = there.find(found => {
    const effective = effectiveValues(found);
    return !wanted.every(value => effective.includes(value));
  });
  if (!lacking) return undefined;
  return lacking.length === 0
    ? 'a boot entry has no crashkernel='
    : `a boot entry has ${crashkernelWords(lacking)}`;
}

/** A plan that could not be carried out leaves what was recorded before it. */
function applyOrForget(host: Host, loader: BootLoader, plan: Undo, before: Done | undefined): Undo {
  try {
    return loader.apply(host, plan);
  } catch (error) {
    writeUndo(host, before);
    throw error;
  }
}

/** Undoes that, and reads it back. @returns whether there was anything of ours. @throws SystemError */
export function unsetCrashkernel(host: Host): boolean {
  const done = readUndo(host);
  if (!done) return false;
  const loader = BOOT_LOADERS.find(({ name }) => name === done.loader);
  if (!loader?.detect(host)) {
    throw new SystemError('BOOT_LOADER_GONE', {
      action: 'remove crashkernel= again',
      actual: `it was set by ${done.loader}, which is no longer there`,
      toDo: `take it out by hand, then remove ${UNDO_FILE}`,
    });
  }
  loader.undo(host, done.undo);
  const left = loader.commandLines(host).find(line => isStillOurs(crashkernelValues(line), done.undo));
  if (left !== undefined) {
    throw new SystemError('NOT_UNSET', {
      action: `remove ${crashkernelWords(done.undo.values)} from the next boots`,
      actual: `${loader.name} reported success, and a boot entry still has it`,
      toDo: `take it out by hand, then remove ${UNDO_FILE}`,
    });
  }
  host.remove(UNDO_FILE);
  return true;
}

function isStillOurs(there: CrashkernelValues, { values, valuesBefore }: Undo): boolean {
  return haveSameEffect(there, values) && !haveSameEffect(valuesBefore, values);
}

/** @param values that would be right. */
export function noBootLoader(host: Host, values: CrashkernelValues): SystemError {
  const names = BOOT_LOADERS.map(({ name }) => name).join(', ');
  return (
    foreignBoot(host) ??
    new SystemError('NO_BOOT_LOADER', {
      action: 'set crashkernel= for the next boot',
      actual: 'the boot loader of this machine is not known',
      wanted: `one of ${names}`,
      toDo: `put ${crashkernelWords(values)} on the kernel command line by hand`,
    })
  );
}

/** @throws SystemError for a damaged record. */
function readUndo(host: Host): Done | undefined {
  const record = readState(host, {
    path: UNDO_FILE,
    action: 'change crashkernel= again',
    wanted: 'the record of what enable changed, as JSON',
    toDo: `take crashkernel= out of the boot loader's configuration by hand, then remove ${UNDO_FILE}`,
    isValid: isUndoRecord,
  });
  return record && doneOf(record);
}

function writeUndo(host: Host, done: Done | undefined): void {
  if (done) host.write(UNDO_FILE, `${JSON.stringify(done, null, 2)}\n`, 0o600);
  else host.remove(UNDO_FILE);
}
