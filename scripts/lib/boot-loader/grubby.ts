/**
 * Fedora and RHEL: `grubby` edits the boot entries (BLS or grub.cfg) and what new kernels inherit. It writes more than the
 * word it is given (grubby-bls): every entry anew with single blanks and the word at the end, both of GRUB's variables in
 * /etc/default/grub from one of them, an /etc/kernel/cmdline where there was none. So these files are recorded and restored.
 */
import { crashkernelValues, crashkernelWords, PARAMETER } from '../crashkernel/words.ts';
import { type Host, mustRun } from '../host/host.ts';
import type { BootLoader, Undo } from './boot-loader.ts';
import { changeFiles, planEdits, undoFiles, valuesBefore } from './edit.ts';

const GRUBBY = 'grubby';
const ENTRIES = '/boot/loader/entries';
/** What new kernels inherit; in grubenv RHEL 8 has all entries' command line. */
const INHERITED = ['/etc/default/grub', '/etc/kernel/cmdline', '/boot/grub2/grubenv'];

export const grubby: BootLoader = {
  name: 'grubby',
  detect: host => host.command(GRUBBY) !== undefined,
  commandLines: host => [...argsOf(host, 'DEFAULT'), ...argsOf(host, 'ALL')],
  plan(host, values, before) {
    const old = valuesBefore(before, crashkernelValues(argsOf(host, 'DEFAULT')[0] ?? ''));
    return { values, ...old, edits: planEdits(host, filesOf(host), before, old.valuesBefore) };
  },
  apply: (host, plan) =>
    changeFiles(host, plan, () => {
      removeOthers(host, plan);
      run(host, `--args=${crashkernelWords(plan.values)}`);
    }),
  /** It takes the words out of what others wrote since, a new kernel's entry among them, of grub.cfg and of grubenv. */
  undo: (host, undo) =>
    undoFiles(host, undo, () => {
      run(host, `--remove-args=${crashkernelWords(undo.values)}`);
      if (undo.valuesBefore.length > 0) run(host, `--args=${crashkernelWords(undo.valuesBefore)}`);
    }),
};

function filesOf(host: Host): string[] {
  const entries = host.list(ENTRIES).filter(name => name.endsWith('.conf'));
  const paths = [...entries.map(name => `${ENTRIES}/${name}`), ...INHERITED];
  // grubenv can be a link to the EFI partition, and stays one.
  return paths.map(path => host.resolve(path) ?? path);
}

/** `--args` replaces the value of a parameter that stands there once; what stands there more often must go first. */
function removeOthers(host: Host, { values }: Undo): void {
  const there = argsOf(host, 'ALL').map(crashkernelValues);
  if (values.length > 1 || there.some(({ length }) => length > 1)) run(host, `--remove-args=${PARAMETER}`);
}

function run(host: Host, change: string): void {
  mustRun(host, host.command(GRUBBY)!, '--update-kernel=ALL', change);
}

/** The command line of each entry: lines `args="…"`. */
function argsOf(host: Host, which: 'DEFAULT' | 'ALL'): string[] {
  const { stdout } = host.run(host.command(GRUBBY)!, [`--info=${which}`]);
  return [...stdout.matchAll(/^args="?(.*?)"?$/gm)].map(([, args]) => args!);
}
