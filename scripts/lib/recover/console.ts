/** Saves the crashed kernel's log from the text of a serial console. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { counted } from '../../../capture/errors.ts';
import type { CutLog } from '../../../capture/storage/place/console-log.ts';

/** Saves it in any case. Returns whether it is complete. */
export function saveConsoleLog({ lines, whole }: CutLog, directory: string): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, whole ? 'vmcore-dmesg.txt' : 'vmcore-dmesg-incomplete.txt');
  writeFileSync(path, lines.map(line => `${line}\n`).join(''), { flag: 'wx', mode: 0o600 });
  console.log(
    `${path}: ${counted(lines.length, 'line')}, ${whole ? 'complete by its end mark' : 'incomplete: its end mark differs or is missing'}`,
  );
  return whole;
}
