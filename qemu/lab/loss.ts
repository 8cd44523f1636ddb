/** A machine that was lost is another verdict than a test that failed: it says where to look, and nothing of the program. */
import { describeError } from '../../capture/errors.ts';
import { LostMachine } from '../machine/machine.ts';
import { serialTail } from './lab.ts';

/** @throws the error itself when it is no lost machine. */
export function describeLoss(error: unknown, tailLines: number): string {
  if (!(error instanceof LostMachine)) throw error;
  return [
    `LOST: ${describeError(error)}`,
    '',
    `The serial log's last lines (${error.directory}/serial.log):`,
    serialTail(error.directory, tailLines),
  ].join('\n');
}
