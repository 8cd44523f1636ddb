/**
 * systemd-boot: kernel-install(8) writes the boot entries with the command line of /etc/kernel/cmdline, and is run
 * again for every kernel when that changes.
 */
import { SystemError } from '../../../capture/errors.ts';
import { type Host, mustRun } from '../host/host.ts';
import { kernelImage } from '../host/kernel-files.ts';
import { type BootLoader, crashkernelOf, withCrashkernel } from './boot-loader.ts';
import { changeFiles, planEdits, undoFiles, valueBefore } from './edit.ts';

const COMMAND_LINE = '/etc/kernel/cmdline';
const KERNEL_INSTALL = 'kernel-install';
/** Set by systemd-boot itself, UTF-16 (systemd's boot loader interface). */
const LOADER_INFO = '/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
const ENTRIES = ['/efi/loader/entries', '/boot/efi/loader/entries', '/boot/loader/entries'];

export const systemdBoot: BootLoader = {
  name: 'systemd-boot (/etc/kernel/cmdline)',
  detect(host) {
    const info = host.readBytes(LOADER_INFO)?.toString('utf16le') ?? '';
    const isThere = info === '' ? entriesOf(host).length > 0 : info.includes('systemd-boot');
    return isThere && host.command(KERNEL_INSTALL) !== undefined;
  },
  configured(host) {
    const text = ownCommandLine(host);
    return text === undefined ? configuredInEntries(host) : crashkernelOf(text);
  },
  plan(host, value, before) {
    refuseUnifiedImages(host);
    const old = valueBefore(before, crashkernelOf(commandLine(host)));
    return {
      value,
      ...old,
      edits: planEdits(host, [COMMAND_LINE, ...entriesOf(host)], before, old.valueBefore),
    };
  },
  apply: (host, plan) => changeFiles(host, plan, () => changeCommandLine(host, plan.value)),
  /** The file is there meanwhile in any case: without it kernel-install takes the running command line, with our word. */
  undo: (host, undo) => undoFiles(host, undo, () => changeCommandLine(host, undo.valueBefore)),
};

function changeCommandLine(host: Host, value: string | undefined): void {
  host.write(COMMAND_LINE, `${withCrashkernel(commandLine(host).trimEnd(), value)}\n`);
  installKernels(host);
}

function ownCommandLine(host: Host): string | undefined {
  return host.read(COMMAND_LINE) ?? host.read('/usr/lib/kernel/cmdline');
}

/** What kernel-install takes: without a file the running one, without the boot loader's own words. */
function commandLine(host: Host): string {
  const text = ownCommandLine(host);
  if (text !== undefined) return text;
  const words = (host.read('/proc/cmdline') ?? '').trim().split(/\s+/);
  return words.filter(word => !/^(initrd|BOOT_IMAGE)=/.test(word)).join(' ');
}

/** A unified image carries its command line, and under Secure Boot its signature covers it. */
function refuseUnifiedImages(host: Host): void {
  const layout = /^layout\s*=\s*uki/m.test(host.read('/etc/kernel/install.conf') ?? '');
  if (!layout) return;
  throw new SystemError('UNIFIED_IMAGE', {
    action: 'set crashkernel= for the next boot',
    actual: 'the kernels are unified images, which carry their command line',
    wanted: 'crashkernel= put into the image by whoever builds and signs it',
  });
}

function installKernels(host: Host): void {
  for (const kver of host.list('/lib/modules')) {
    let image: string;
    try {
      image = kernelImage(host, kver);
    } catch {
      continue; // modules without a kernel: a removed one's remains
    }
    mustRun(host, host.command(KERNEL_INSTALL)!, 'add', kver, image);
  }
}

function entriesOf(host: Host): string[] {
  return ENTRIES.flatMap(folder => host.list(folder).map(name => `${folder}/${name}`)).filter(path =>
    path.endsWith('.conf'),
  );
}

function configuredInEntries(host: Host): string | undefined {
  const options = entriesOf(host).map(path => /^options\s+(.*)$/m.exec(host.read(path) ?? '')?.[1] ?? '');
  return options.map(crashkernelOf).find(value => value !== undefined);
}
