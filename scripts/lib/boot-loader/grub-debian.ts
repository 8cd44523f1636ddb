/** GRUB on Debian and Ubuntu: a file in /etc/default/grub.d, which update-grub reads after the others. */
import { type CrashkernelValues, crashkernelValues, crashkernelWords } from '../crashkernel/words.ts';
import { type Host, mustRun } from '../host/host.ts';
import type { BootLoader } from './boot-loader.ts';
import { changeFiles, valuesBefore } from './edit.ts';

/** It is read after kdump-tools.cfg, and of the words of one kind the last one counts. */
const DROP_IN = '/etc/default/grub.d/kdumpling.cfg';
const UPDATE = 'update-grub';
const GENERATED = '/boot/grub/grub.cfg';

export const grubDebian: BootLoader = {
  name: 'GRUB (/etc/default/grub.d)',
  detect: host => host.exists('/etc/default/grub') && host.command(UPDATE) !== undefined,
  commandLines,
  // The file is ours, whoever wrote in it.
  plan: (host, values, before) => ({
    values,
    ...valuesBefore(before, crashkernelValues(commandLines(host)[0] ?? '')),
    edits: [{ path: DROP_IN }],
  }),
  apply: (host, plan) =>
    changeFiles(host, plan, () => {
      host.write(DROP_IN, dropIn(plan.values));
      mustRun(host, host.command(UPDATE)!);
    }),
  undo(host) {
    host.remove(DROP_IN);
    mustRun(host, host.command(UPDATE)!);
  },
};

function dropIn(values: CrashkernelValues): string {
  return [
    '# Written by `kdumpling enable`, removed by `kdumpling disable`.',
    `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT ${crashkernelWords(values)}"`,
    '',
  ].join('\n');
}

/** What GRUB boots by default: the first Linux entry that update-grub wrote. Recovery entries do not take the word. */
function commandLines(host: Host): string[] {
  const entry = /^\s*linux(?:16|efi)?\s+(.*)$/m.exec(host.read(GENERATED) ?? '');
  return entry ? [entry[1]!] : [];
}
