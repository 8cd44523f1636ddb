/** The beginning of every bad autopsy: it reads the vmcore once, and reports that as progress. */
import { openSync, readSync, writeFileSync } from 'node:fs';
import { waitToBegin } from '../../../capture/scene/begin.ts';
import { sceneFiles } from '../../../capture/scene/files.ts';

export function readAndReport(): void {
  const [vmcore, directory] = process.argv.slice(2);
  waitToBegin(directory!);
  readSync(openSync(vmcore!, 'r'), new Uint8Array(4096));
  writeFileSync(sceneFiles(directory!).progress, '1');
}
