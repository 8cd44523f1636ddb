/** The crashed kernel's log, out of the text of a serial console. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CutLog } from '../../../capture/storage/place/console-log.ts';

/** Returns whether it is whole; what is there is kept in any case. */
export function saveConsoleLog({ lines, whole }: CutLog, directory: string): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, whole ? 'vmcore-dmesg.txt' : 'vmcore-dmesg-incomplete.txt');
  writeFileSync(path, lines.map(line => `${line}\n`).join(''), { flag: 'wx', mode: 0o600 });
  console.log(
    `${path}: ${lines.length} lines, ${whole ? 'whole by its end mark' : 'not whole: its end mark differs or is missing'}`,
  );
  return whole;
}
