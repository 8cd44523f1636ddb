/**
 * Fedora, RHEL and their kin: `grubby` edits the boot entries (BLS or grub.cfg) and what new kernels inherit. It writes
 * more than the word it is given (grubby-bls): every entry anew with single blanks and the word at the end, both of
 * GRUB's variables in /etc/default/grub from one of them, an /etc/kernel/cmdline where there was none. So these files
 * are kept as they were, and come back.
 */
import { type Host, mustRun } from '../host/host.ts';
import { type BootLoader, crashkernelOf, PARAMETER, type Undo } from './boot-loader.ts';
import { changeFiles, planEdits, undoFiles, valueBefore } from './edit.ts';

const GRUBBY = 'grubby';
const ENTRIES = '/boot/loader/entries';
/** What new kernels inherit; in grubenv RHEL 8 has all entries' command line. */
const INHERITED = ['/etc/default/grub', '/etc/kernel/cmdline', '/boot/grub2/grubenv'];

export const grubby: BootLoader = {
  name: 'grubby',
  detect: host => host.command(GRUBBY) !== undefined,
  configured,
  plan(host, value, before) {
    const old = valueBefore(before, configured(host));
    return { value, ...old, edits: planEdits(host, filesOf(host), before, old.valueBefore) };
  },
  // --args replaces the value of a parameter that is there.
  apply: (host, plan) => changeFiles(host, plan, () => run(host, `--args=${PARAMETER}=${plan.value}`)),
  /** It takes the word out of what others wrote meanwhile, a new kernel's entry among them, of grub.cfg and of grubenv. */
  undo: (host, undo) => undoFiles(host, undo, () => run(host, takingOut(undo))),
};

function filesOf(host: Host): string[] {
  const entries = host.list(ENTRIES).filter(name => name.endsWith('.conf'));
  const paths = [...entries.map(name => `${ENTRIES}/${name}`), ...INHERITED];
  // grubenv can be a link to the EFI partition, and stays one.
  return paths.map(path => host.resolve(path) ?? path);
}

function takingOut({ value, valueBefore: old }: Undo): string {
  return old === undefined ? `--remove-args=${PARAMETER}=${value}` : `--args=${PARAMETER}=${old}`;
}

function run(host: Host, change: string): void {
  mustRun(host, host.command(GRUBBY)!, '--update-kernel=ALL', change);
}

/** Of the default entry, which is what boots next: a line `args="…"`. */
function configured(host: Host): string | undefined {
  const { stdout } = host.run(host.command(GRUBBY)!, ['--info=DEFAULT']);
  const line = /^args="?(.*?)"?$/m.exec(stdout);
  return line ? crashkernelOf(line[1]!) : undefined;
}
