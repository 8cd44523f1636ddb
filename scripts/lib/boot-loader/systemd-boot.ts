/**
 * systemd-boot: kernel-install(8) writes the boot entries with the command line of /etc/kernel/cmdline, and is run again for
 * every kernel when that changes.
 */
import { type CrashkernelValues, crashkernelValues, withCrashkernel } from '../crashkernel/words.ts';
import { type Host, mustRun } from '../host/host.ts';
import { kernelImage } from '../host/kernel-files.ts';
import type { BootLoader } from './boot-loader.ts';
import { changeFiles, planEdits, undoFiles, valuesBefore } from './edit.ts';
import { loaderVariable, seesVariables, unifiedImageOf } from './what-boots.ts';

const COMMAND_LINE = '/etc/kernel/cmdline';
const KERNEL_INSTALL = 'kernel-install';
const ENTRIES = ['/efi/loader/entries', '/boot/efi/loader/entries', '/boot/loader/entries'];

export const systemdBoot: BootLoader = {
  name: 'systemd-boot (/etc/kernel/cmdline)',
  detect(host) {
    const info = loaderVariable(host, 'LoaderInfo');
    // Entries alone can be left over from another loader, or be GRUB's.
    const isThere = info?.includes('systemd-boot') ?? (!seesVariables(host) && entriesOf(host).length > 0);
    return isThere && host.command(KERNEL_INSTALL) !== undefined;
  },
  commandLines(host) {
    if (unifiedImageOf(host)) return [];
    return installedEntries(host).map(path => /^options\s+(.*)$/m.exec(host.read(path) ?? '')?.[1] ?? '');
  },
  plan(host, values, before) {
    const refusal = unifiedImageOf(host);
    if (refusal) throw refusal;
    const old = valuesBefore(before, crashkernelValues(commandLine(host)));
    return {
      values,
      ...old,
      edits: planEdits(host, [COMMAND_LINE, ...entriesOf(host)], before, old.valuesBefore),
    };
  },
  apply: (host, plan) => changeFiles(host, plan, () => changeCommandLine(host, plan.values)),
  /** By now the file exists in any case: without it kernel-install takes the running command line, which has our words. */
  undo: (host, undo) => undoFiles(host, undo, () => changeCommandLine(host, undo.valuesBefore)),
};

function changeCommandLine(host: Host, values: CrashkernelValues): void {
  host.write(COMMAND_LINE, `${withCrashkernel(commandLine(host).trimEnd(), values)}\n`);
  for (const { kver, image } of kernels(host))
    mustRun(host, host.command(KERNEL_INSTALL)!, 'add', kver, image);
}

/** What kernel-install takes: without a file the running one, without the boot loader's own words. */
function commandLine(host: Host): string {
  const text = host.read(COMMAND_LINE) ?? host.read('/usr/lib/kernel/cmdline');
  if (text !== undefined) return text;
  const words = (host.read('/proc/cmdline') ?? '').trim().split(/\s+/);
  return words.filter(word => !/^(initrd|BOOT_IMAGE)=/.test(word)).join(' ');
}

/** Modules without a kernel are the remains of a removed one. */
function kernels(host: Host): { kver: string; image: string }[] {
  return host.list('/lib/modules').flatMap(kver => {
    try {
      return [{ kver, image: kernelImage(host, kver) }];
    } catch {
      return [];
    }
  });
}

function entriesOf(host: Host): string[] {
  return ENTRIES.flatMap(folder => host.list(folder).map(name => `${folder}/${name}`)).filter(path =>
    path.endsWith('.conf'),
  );
}

/** Those of kernels that are installed; entries of other systems are not ours to judge. */
function installedEntries(host: Host): string[] {
  const kvers = kernels(host).map(({ kver }) => kver);
  return entriesOf(host).filter(path => kvers.some(kver => path.includes(kver)));
}
