/**
 * The autopsy program begins to read when the capture has limited its memory. Node reserves hundreds of MiB that it does not
 * use, so the limit can only be set once Node has started. Without one, a program that takes all memory makes the kernel
 * drop and read the capture's own code again and again, for minutes: the capture was too late to end it.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { pause } from '../pause.ts';
import { sceneFiles } from './files.ts';

const LOOK_EVERY_MS = 10;

/** Of the program: returns when the capture lets it read. */
export function waitToBegin(directory: string): void {
  const { started, begin } = sceneFiles(directory);
  writeFileSync(started, '');
  while (!existsSync(begin)) pause(LOOK_EVERY_MS);
}
