/** `kdumpling rebuild`: a dump-capture initrd for any kernel tree. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { crashCommandLine } from '../initrd/command-line.ts';
import { buildImage, programIn } from '../initrd/image.ts';
import { badValue, type Command, EXIT, UsageError } from './cli.ts';

const OPTIONS = {
  kver: { value: 'RELEASE', help: 'kernel release, as uname -r says it' },
  modules: { value: 'DIR', help: 'its modules: …/lib/modules/RELEASE, or the folder that holds RELEASE' },
  target: { value: 'SPEC', help: "where dumps go: 'ext4 UUID=…', 'xfs LABEL=…', 'btrfs /dev/…'" },
  drivers: { value: 'LIST', help: 'disk drivers, by commas; else all usual ones that the kernel has' },
  layout: { value: 'NAME', default: 'self-contained', help: 'where Node lies: self-contained' },
  output: { value: 'FILE', help: 'the image to write' },
} as const;

export const rebuild: Command<typeof OPTIONS> = {
  name: 'kdumpling rebuild',
  purpose: 'Builds the dump-capture initrd for a kernel.',
  options: OPTIONS,
  async run(given) {
    const kver = required('kver', given.kver);
    const output = required('output', given.output);
    const [fstype, target, ...rest] = required('target', given.target).split(/\s+/);
    if (!target || rest.length > 0)
      throw badValue('target', given.target, "'FSTYPE DEVICE', like 'ext4 UUID=…'");
    if (given.layout !== 'self-contained') throw badValue('layout', given.layout, 'self-contained');
    const { bytes, modules } = buildImage({
      kver,
      modulesDirectory: required('modules', given.modules),
      program: programIn(dirname(process.argv[1])),
      fstype,
      disks: given.drivers?.split(','),
      options: { target },
      output,
    });
    console.log(`${output}: ${(bytes / 1e6).toFixed(1)} MB, ${modules.length} modules for ${kver}`);
    const commandLine = crashCommandLine(readFileSync('/proc/cmdline', 'utf8'));
    console.log(
      `load it: kexec -s -p /boot/vmlinuz-${kver} --initrd=${output} --command-line="${commandLine}"`,
    );
    return EXIT.done;
  },
};

function required(option: string, text: string | undefined): string {
  if (text) return text;
  throw new UsageError('OPTION_MISSING', {
    action: 'run kdumpling rebuild',
    actual: `--${option} is not given`,
    wanted: 'try kdumpling rebuild --help',
  });
}
