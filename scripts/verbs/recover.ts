/** `kdumpling recover`: extracts dumps that are outside file systems: on a bare partition, or in the log of a serial console. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cutConsoleLog } from '../../capture/storage/place/console-log.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';
import { saveConsoleLog } from '../lib/recover/console.ts';
import { clearPartition, extractPartition, markPartition } from '../lib/recover/partition.ts';

const OPTIONS = {
  mark: { help: 'prepare DEVICE, whose first MiB must be zeros, as a fallback target (`raw DEVICE`)' },
  clear: { help: 'clear DEVICE for the next dump, after extracting this one' },
} as const;

export const recover: Command<typeof OPTIONS> = {
  name: 'kdumpling recover',
  purpose: 'Extracts a dump from a bare partition, or the kernel log from console output, and checks it.',
  positionals: ['DEVICE|CONSOLE_TEXT', '[DIRECTORY]'],
  options: OPTIONS,
  async run({ mark, clear, positionals }) {
    const [source, directory, ...rest] = positionals;
    const wantsDirectory = !mark && !(clear && directory === undefined);
    if (!source || rest.length > 0 || (wantsDirectory ? !directory : mark && directory)) throw usage();
    if (mark) {
      markPartition(source);
      console.log(`${source} is ready for dumps. Add to /etc/kdump.conf: fallback_target raw ${source}`);
      return EXIT.done;
    }
    const log = isText(source) ? cutConsoleLog(readFileSync(source, 'utf8')) : undefined;
    if (log) return saveConsoleLog(log, directory!) ? EXIT.done : EXIT.failed;
    let whole = true;
    if (directory !== undefined) {
      const { path, files, damaged } = extractPartition(source, directory);
      console.log(files.map(name => join(path, name)).join('\n'));
      if (damaged.length > 0) console.error(`damaged: ${damaged.join(', ')}`);
      console.log(`to check it: kdumpling verify ${path}`);
      whole = damaged.length === 0;
    }
    if (clear && whole) {
      clearPartition(source);
      console.log(`${source} is ready for the next dump`);
    }
    return whole ? EXIT.done : EXIT.failed;
  },
};

function isText(source: string): boolean {
  const MOST_BYTES = 256 << 20;
  const status = statSync(source, { throwIfNoEntry: false });
  return status ? status.isFile() && status.size < MOST_BYTES : false;
}

function usage(): UsageError {
  return new UsageError('USAGE', {
    action: 'run kdumpling recover',
    actual: 'the arguments do not fit together',
    wanted: 'a device (or console output) and a directory, or --mark or --clear and a device',
  });
}
