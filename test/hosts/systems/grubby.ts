/** Fedora and RHEL: boot entries that their grubby makes. */
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Tool } from '../../../build/fetch/tools.ts';
import { addFiles, textOf } from '../../support/host-root.ts';
import { makeRealRoot, type RealRoot } from '../../support/real-root.ts';
import {
  ENTRIES,
  filesOf,
  KVER,
  kernelFiles,
  MACHINE_ID,
  NEW_KVER,
  OTHER_KVER,
  optionsOf,
  type System,
} from './system.ts';

const GRUBENV = '/boot/grub2/grubenv';

/**
 * As Fedora's installer leaves it. @param tool gives GRUB's package. @param script grubby, as its package ships it.
 * @param shared as RHEL 8's does: the command line in grubenv, and a variable in each entry.
 */
export function grubby(tool: () => Tool, script: string, shared = false): System {
  const addKernel = (host: RealRoot, kver: string, args: string) => {
    addFiles(host, kernelFiles(kver));
    const entry = [
      `--add-kernel=/boot/vmlinuz-${kver}`,
      `--title=Fedora Linux (${kver})`,
      ...args.split('\n'),
    ];
    host.must('grubby', ...entry, `--initrd=/boot/initramfs-${kver}.img`);
  };
  const kernelopts = (host: RealRoot) =>
    /^kernelopts=(.*)$/m.exec(host.must('grub2-editenv', GRUBENV, 'list'))?.[1] ?? '';
  return {
    name: 'grubby',
    machine(value) {
      const own = value ? ` crashkernel=${value}` : '';
      const host = makeRealRoot(
        {
          '/etc/machine-id': `${MACHINE_ID}\n`,
          '/etc/os-release': 'NAME="Fedora Linux"\nVERSION="39 (Server Edition)"\nID=fedora\n',
          '/etc/default/grub': [
            'GRUB_TIMEOUT=5',
            'GRUB_CMDLINE_LINUX_DEFAULT="loglevel=4"',
            `GRUB_CMDLINE_LINUX="rhgb  quiet${own}"`,
            'GRUB_ENABLE_BLSCFG=true',
            '',
          ].join('\n'),
          // A program of RHEL's beside it, which sorts as RPM does.
          '/usr/libexec/grubby/rpm-sort': '#!/bin/sh\nexec sort -V\n',
        },
        {
          [script]: 'usr/sbin/grubby',
          [join(tool().root, 'usr/bin/grub-editenv')]: 'usr/bin/grub2-editenv',
        },
      );
      chmodSync(host.path('/usr/libexec/grubby/rpm-sort'), 0o755);
      addFiles(host, { '/boot/efi/EFI/': '', '/boot/grub2/': '' });
      host.must('grub2-editenv', '/boot/efi/EFI/grubenv', 'create');
      symlinkSync('../efi/EFI/grubenv', host.path(GRUBENV));
      const words = `root=UUID=1 ro${own} rhgb quiet`;
      if (shared) host.must('grub2-editenv', GRUBENV, 'set', `kernelopts=${words}`);
      for (const kver of [OTHER_KVER, KVER])
        addKernel(host, kver, `--args=${shared ? '$kernelopts' : words}`);
      // What a person's editor leaves.
      const entry = `${ENTRIES}/${MACHINE_ID}-${KVER}.conf`;
      addFiles(host, { [entry]: textOf(host, entry).replace('rhgb quiet', 'rhgb  quiet') });
      return host;
    },
    state: filesOf,
    commandLines: host => optionsOf(host).map(line => line.replace('$kernelopts', () => kernelopts(host))),
    addWord(host, word) {
      const changed = (text: string) => text.replace(/ ro /, ` ro ${word} `);
      if (shared) host.must('grub2-editenv', GRUBENV, 'set', `kernelopts=${changed(kernelopts(host))}`);
      for (const name of host.list(ENTRIES)) {
        const path = `${ENTRIES}/${name}`;
        addFiles(host, { [path]: changed(textOf(host, path)) });
      }
    },
    addKernel: host => addKernel(host, NEW_KVER, '--copy-default'),
  };
}
