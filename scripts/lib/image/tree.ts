/** Builds a dump-capture initrd for any kernel tree, of this machine or another one. */
import { readFileSync } from 'node:fs';
import { planCommandLine } from '../../../initrd/command-line.ts';
import { buildImage, programIn, RUNTIME_ON_DISK } from '../../../initrd/image.ts';
import { keepsImage } from '../../../initrd/kept-image.ts';
import { LAYOUTS } from '../../../initrd/layouts.ts';
import { badValue, EXIT, type Given, oneOf, UsageError } from '../cli/command.ts';
import { CONFIG_PATH, readConfig } from '../config/config.ts';
import type { Host } from '../host/host.ts';
import { captureView } from '../storage/btrfs-view.ts';
import { programDirectory } from './host-image.ts';

export const TREE_OPTIONS = {
  kver: { value: 'RELEASE', help: 'kernel release, as printed by uname -r; default: the running kernel' },
  modules: {
    value: 'DIR',
    help: 'modules of another kernel tree: …/lib/modules/RELEASE, or the folder that holds RELEASE',
  },
  target: { value: 'SPEC', help: "where dumps go, for example 'ext4 UUID=…', 'xfs LABEL=…', 'btrfs /dev/…'" },
  config: { value: 'FILE', help: `config file; default: ${CONFIG_PATH}, or none for another tree` },
  drivers: {
    value: 'LIST',
    help: 'disk drivers, separated by commas; default: all common ones that the kernel has',
  },
  layout: {
    value: 'NAME',
    choices: LAYOUTS,
    default: 'self-contained',
    help: `where Node is: self-contained (in the image) or lean (on the target, in ${RUNTIME_ON_DISK})`,
  },
  output: { value: 'FILE', help: 'image file to write' },
} as const;

/** @param host whose config it is */
export function rebuildForTree(host: Host, given: Given<typeof TREE_OPTIONS>): number {
  const kver = required('kver', given.kver);
  const output = required('output', given.output);
  const modulesDirectory = required('modules', given.modules);
  const settings = given.config ? readConfig(host, given.config) : undefined;
  const { fstype, target } = targetOf(given.target, settings?.options);
  const layout = oneOf('layout', given.layout, LAYOUTS);
  const { bytes, modules } = buildImage({
    kver,
    modulesDirectory,
    program: programIn(programDirectory()),
    fstype,
    layout,
    disks: given.drivers?.split(','),
    extraModules: settings?.extraModules,
    options: { ...settings?.options, target, ...captureView(fstype, settings?.options) },
    output,
  });
  console.log(`${output}: ${(bytes / 1e6).toFixed(1)} MB, ${modules.length} modules for ${kver}`);
  const { text: commandLine } = planCommandLine(
    readFileSync('/proc/cmdline', 'utf8'),
    settings?.commandLine,
    { keepsImage: keepsImage(kver, layout) },
  );
  console.log(
    `load it: kexec -s -p /boot/vmlinuz-${kver} --initrd=${output} --command-line=${shellWord(commandLine)}`,
  );
  return EXIT.done;
}

/** For a shell to read as one word: double quotes if they do, because they are easier to edit. */
function shellWord(text: string): string {
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}

/** The option takes precedence over the config. */
function targetOf(
  given: string | undefined,
  options: { target?: string; fstype?: string } = {},
): { fstype: string; target: string } {
  if (!given && options.fstype && options.target) return { fstype: options.fstype, target: options.target };
  const [fstype, target, ...rest] = required('target', given).split(/\s+/);
  if (fstype && target && rest.length === 0) return { fstype, target };
  throw badValue('target', given!, "'FSTYPE DEVICE', for example 'ext4 UUID=…'");
}

function required(option: string, text: string | undefined): string {
  if (text) return text;
  throw new UsageError('OPTION_MISSING', {
    action: 'run kdumpling rebuild',
    actual: `the option --${option} is missing`,
    toDo: 'See `kdumpling rebuild --help`',
  });
}
