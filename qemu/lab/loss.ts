/** What a person reads when a machine was lost: where to look. A loss is no verdict on kdumpling. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../../capture/errors.ts';
import { CannotCrash } from '../kernel/lab-kernel.ts';
import { LostMachine } from '../machine/machine.ts';

/** @throws the error itself when it is none of the two that end one crash of many. */
export function describeLoss(error: unknown, tailLines: number): string {
  if (error instanceof CannotCrash) return `LOST: ${describeError(error)}`;
  if (!(error instanceof LostMachine)) throw error;
  return [
    `LOST: ${describeError(error)}`,
    '',
    `The serial log's last lines (${error.directory}/serial.log):`,
    serialTail(error.directory, tailLines),
  ].join('\n');
}

export function serialTail(directory: string, lines: number): string {
  const text = readFileSync(join(directory, 'serial.log'), 'utf8').trimEnd();
  return text.split(/\r*\n/).slice(-lines).join('\n');
}
