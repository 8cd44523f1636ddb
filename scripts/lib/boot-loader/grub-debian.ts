/** GRUB as Debian and Ubuntu have it: a file in /etc/default/grub.d, which update-grub reads after the others. */
import { type Host, mustRun } from '../host/host.ts';
import { type BootLoader, crashkernelOf } from './boot-loader.ts';
import { changeFiles, valueBefore } from './edit.ts';

/** It is read last of those there are (kdump-tools.cfg before it), and the last crashkernel= counts. */
const DROP_IN = '/etc/default/grub.d/kdumpling.cfg';
const UPDATE = 'update-grub';
const GENERATED = '/boot/grub/grub.cfg';

export const grubDebian: BootLoader = {
  name: 'GRUB (/etc/default/grub.d)',
  detect: host => host.exists('/etc/default/grub') && host.command(UPDATE) !== undefined,
  configured,
  // The file is ours, whoever wrote in it.
  plan: (host, value, before) => ({
    value,
    ...valueBefore(before, configured(host)),
    edits: [{ path: DROP_IN }],
  }),
  apply: (host, plan) =>
    changeFiles(host, plan, () => {
      host.write(DROP_IN, dropIn(plan.value));
      mustRun(host, host.command(UPDATE)!);
    }),
  undo(host) {
    host.remove(DROP_IN);
    mustRun(host, host.command(UPDATE)!);
  },
};

function dropIn(value: string): string {
  return [
    '# Written by `kdumpling enable`, removed by `kdumpling disable`.',
    `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=${value}"`,
    '',
  ].join('\n');
}

/** What GRUB was given: the first Linux entry of what update-grub made. */
function configured(host: Host): string | undefined {
  const entry = /^\s*linux(?:16|efi)?\s+(.*)$/m.exec(host.read(GENERATED) ?? '');
  return entry ? crashkernelOf(entry[1]!) : undefined;
}
