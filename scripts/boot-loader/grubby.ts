/** Fedora, RHEL and their kin: `grubby` edits the boot entries (BLS or grub.cfg) and what new kernels inherit. */
import { type Host, mustRun } from '../host.ts';
import { type BootLoader, crashkernelOf, PARAMETER } from './boot-loader.ts';
import { valueBefore } from './edit.ts';

const GRUBBY = 'grubby';

export const grubby: BootLoader = {
  name: 'grubby',
  detect: host => host.command(GRUBBY) !== undefined,
  configured,
  plan: (host, value, before) => ({ value, ...valueBefore(before, () => configured(host)) }),
  // --args replaces the value of a parameter that is there.
  apply: (host, { value }) => run(host, `--args=${PARAMETER}=${value}`),
  undo(host, { value, valueBefore: old }) {
    if (old !== undefined) run(host, `--args=${PARAMETER}=${old}`);
    else run(host, `--remove-args=${PARAMETER}=${value}`);
  },
};

function run(host: Host, change: string): void {
  mustRun(host, host.command(GRUBBY)!, '--update-kernel=ALL', change);
}

/** Of the default entry, which is what boots next: a line `args="…"`. */
function configured(host: Host): string | undefined {
  const { stdout } = host.run(host.command(GRUBBY)!, ['--info=DEFAULT']);
  const line = /^args="?(.*?)"?$/m.exec(stdout);
  return line ? crashkernelOf(line[1]!) : undefined;
}
