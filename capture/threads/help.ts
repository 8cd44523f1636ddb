/** Of a process whose own work is over: it compresses pages of the dump, if the capture has offered it that (helper.ts). */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { attempt } from '../errors.ts';
import { openLibc } from '../ffi/libc.ts';
import { openFfi } from '../ffi/library.ts';
import { compress } from './compress.ts';
import { takeWork, workFiles } from './work-file.ts';

/** Never throws: where it cannot help, the capture makes the dump alone. */
export function helpWithDump(directory: string): void {
  const files = workFiles(directory);
  if (!existsSync(files.terms)) return;
  attempt(() => {
    writeFileSync(files.looked, '');
    const work = takeWork(openLibc(openFfi()), files);
    compress(work, report => appendFileSync(files.reports, `${JSON.stringify(report)}\n`));
  });
}
