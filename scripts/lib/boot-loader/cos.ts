/**
 * Container-Optimized OS: its root is read-only and verified; the kernel's command line is in efi/boot/grub.cfg on the
 * EFI partition, one `linux` line an entry, each with the word cros_efi.
 */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { posix } from 'node:path';
import { SystemError } from '../../../capture/errors.ts';
import { type CrashkernelValues, crashkernelValues, withCrashkernel } from '../crashkernel/words.ts';
import { type Host, mustRun } from '../host/host.ts';
import { isSecureBoot } from '../host/secure-boot.ts';
import type { BootLoader, Undo } from './boot-loader.ts';
import { changeFiles, planEdits, undoFiles, valuesBefore } from './edit.ts';

const PARTITION = '/dev/disk/by-partlabel/EFI-SYSTEM';
const GRUB_CFG = 'efi/boot/grub.cfg';
const ENTRY = /^([ \t]*linux(?:efi)?[ \t]+\S.*\bcros_efi\b.*)$/gm;

export const cos: BootLoader = {
  name: "COS's grub.cfg",
  detect: host => /^ID="?cos"?$/m.test(host.read('/etc/os-release') ?? ''),
  commandLines: host => onPartition(host, 'ro', path => entries(host.read(path) ?? '')),
  plan(host, values, before) {
    if (isSecureBoot(host)) {
      throw new SystemError('SECURE_BOOT', {
        action: "change COS's grub.cfg",
        actual: 'Secure Boot is on, under which the machine would not boot with it changed',
        wanted: 'a node image or a node pool without Secure Boot',
      });
    }
    return onPartition(host, 'ro', path => {
      const text = host.read(path) ?? '';
      const [entry] = entries(text);
      if (entry === undefined) {
        throw new SystemError('NO_ENTRY', {
          action: `change ${GRUB_CFG} on ${PARTITION}`,
          actual: 'it has no linux line with cros_efi',
          wanted: "COS's grub.cfg as it ships",
        });
      }
      const old = valuesBefore(before, crashkernelValues(entry));
      const first = before && at(path, before);
      const edits = planEdits(host, [path], first, old.valuesBefore);
      return at(GRUB_CFG, { values, ...old, edits });
    });
  },
  apply: (host, plan) =>
    onPartition(host, 'rw', path =>
      at(
        GRUB_CFG,
        changeFiles(host, at(path, plan), () => changeFile(host, path, plan.values)),
      ),
    ),
  undo: (host, undo) =>
    onPartition(host, 'rw', path =>
      undoFiles(host, at(path, undo), () => changeFile(host, path, undo.valuesBefore)),
    ),
};

/** The partition is mounted somewhere else each time. */
function at(path: string, undo: Undo): Undo {
  return { ...undo, edits: (undo.edits ?? []).map(edit => ({ ...edit, path })) };
}

function changeFile(host: Host, path: string, values: CrashkernelValues): void {
  const text = host.read(path);
  if (text !== undefined) host.write(path, changeEntries(text, values));
}

function entries(text: string): string[] {
  return [...text.matchAll(ENTRY)].map(([line]) => line);
}

/** @param values none to take them out. */
export function changeEntries(text: string, values: CrashkernelValues): string {
  return text.replace(ENTRY, line => withCrashkernel(line, values));
}

function onPartition<T>(host: Host, mode: 'ro' | 'rw', work: (path: string) => T): T {
  const mountpoint = mkdtempSync(host.path('/tmp/kdumpling-efi-'));
  const onHost = posix.join('/tmp', posix.basename(mountpoint));
  try {
    mustRun(host, host.command('mount') ?? 'mount', '-o', mode, PARTITION, onHost);
    try {
      return work(posix.join(onHost, GRUB_CFG));
    } finally {
      mustRun(host, host.command('umount') ?? 'umount', onHost);
    }
  } finally {
    rmdirSync(mountpoint);
  }
}
