/** systemd-boot on a Debian: boot entries that systemd's kernel-install writes. */
import { join } from 'node:path';
import type { Tool } from '../../../build/fetch/tools.ts';
import { addFiles } from '../../support/host-root.ts';
import { makeRealRoot, type RealRoot } from '../../support/real-root.ts';
import {
  filesOf,
  KVER,
  kernelFiles,
  MACHINE_ID,
  NEW_KVER,
  OTHER_KVER,
  optionsOf,
  type System,
} from './system.ts';

/** @param tool gives systemd's package. @param commandLine of /etc/kernel/cmdline. */
export function systemdBoot(tool: () => Tool, commandLine: string | undefined): System {
  const addKernel = (host: RealRoot, kver: string) => {
    addFiles(host, kernelFiles(kver));
    host.must('kernel-install', 'add', kver, `/boot/vmlinuz-${kver}`);
  };
  return {
    name: 'systemd-boot (/etc/kernel/cmdline)',
    machine(value) {
      const words = (text: string) => (value ? `${text} crashkernel=${value}` : text);
      const installed = tool().root;
      const host = makeRealRoot(
        {
          '/etc/machine-id': `${MACHINE_ID}\n`,
          '/etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
          '/proc/cmdline': `initrd=\\${MACHINE_ID}\\initrd ${words('root=UUID=1 ro quiet')}\n`,
          ...(commandLine === undefined ? {} : { '/etc/kernel/cmdline': words(commandLine) }),
          [`/boot/${MACHINE_ID}/`]: '',
          '/boot/loader/entries.srel': 'type1\n',
        },
        {
          [join(installed, 'usr/bin/kernel-install')]: 'usr/bin/kernel-install',
          [join(installed, 'usr/lib/kernel')]: 'usr/lib/kernel',
        },
      );
      addKernel(host, KVER);
      addKernel(host, OTHER_KVER);
      return host;
    },
    state: filesOf,
    commandLines: optionsOf,
    addWord(host, word) {
      const text = host.read('/etc/kernel/cmdline') ?? 'root=UUID=1 ro quiet\n';
      addFiles(host, { '/etc/kernel/cmdline': text.replace(' quiet', ` ${word} quiet`) });
      host.must('kernel-install', 'add', KVER, `/boot/vmlinuz-${KVER}`);
      host.must('kernel-install', 'add', OTHER_KVER, `/boot/vmlinuz-${OTHER_KVER}`);
    },
    addKernel: host => addKernel(host, NEW_KVER),
  };
}
