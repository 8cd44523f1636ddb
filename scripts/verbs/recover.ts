/** `kdumpling recover`: dumps in places that no file system keeps: a bare partition, or the log of a serial console. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cutConsoleLog } from '../../capture/storage/place/console-log.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';
import { saveConsoleLog } from '../lib/recover/console.ts';
import { clearPartition, extractPartition, markPartition } from '../lib/recover/partition.ts';

const OPTIONS = {
  mark: { help: 'make DEVICE, whose first MiB must be zeros, a place for dumps: what `raw DEVICE` names' },
  clear: { help: 'make room for the next dump on DEVICE, after taking this one out' },
} as const;

export const recover: Command<typeof OPTIONS> = {
  name: 'kdumpling recover',
  purpose: 'Takes a dump out of a bare partition, or the kernel log out of a console’s text, and checks it.',
  positionals: ['DEVICE|CONSOLE_TEXT', '[DIRECTORY]'],
  options: OPTIONS,
  async run({ mark, clear, positionals }) {
    const [source, directory, ...rest] = positionals;
    const wantsDirectory = !mark && !(clear && directory === undefined);
    if (!source || rest.length > 0 || (wantsDirectory ? !directory : mark && directory)) throw usage();
    if (mark) {
      markPartition(source);
      console.log(`${source} takes dumps now: fallback_target raw ${source} in /etc/kdump.conf`);
      return EXIT.done;
    }
    const log = isText(source) ? cutConsoleLog(readFileSync(source, 'utf8')) : undefined;
    if (log) return saveConsoleLog(log, directory!) ? EXIT.done : EXIT.failed;
    let whole = true;
    if (directory !== undefined) {
      const { path, files, damaged } = extractPartition(source, directory);
      console.log(files.map(name => join(path, name)).join('\n'));
      if (damaged.length > 0) console.error(`damaged: ${damaged.join(', ')}`);
      console.log(`check it: kdumpling verify ${path}`);
      whole = damaged.length === 0;
    }
    if (clear && whole) {
      clearPartition(source);
      console.log(`${source} has room for the next dump`);
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
    actual: 'its arguments make no sense',
    wanted: 'a device (or a console’s text) and a directory; or --mark or --clear and a device',
  });
}
