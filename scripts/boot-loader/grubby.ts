/** Fedora, RHEL and their kin: `grubby` edits the boot entries (BLS or grub.cfg) and what new kernels inherit. */
import { type Host, mustRun } from '../host.ts';
import { type BootLoader, crashkernelOf, PARAMETER, type Undo } from './boot-loader.ts';

const GRUBBY = 'grubby';

export const grubby: BootLoader = {
  name: 'grubby',
  detect: host => host.command(GRUBBY) !== undefined,
  configured,
  set(host, value, before) {
    const valueBefore = before ? before.valueBefore : configured(host);
    // --args replaces the value of a parameter that is there.
    run(host, `--args=${PARAMETER}=${value}`);
    return { value, ...(valueBefore !== undefined && { valueBefore }) };
  },
  undo(host, { value, valueBefore }: Undo) {
    if (valueBefore !== undefined) run(host, `--args=${PARAMETER}=${valueBefore}`);
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
