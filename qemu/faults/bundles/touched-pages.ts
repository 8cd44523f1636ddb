/**
 * Not a fault: at the end of the capture, writes to the target which pages of Node are in memory, a byte for each. Where the runtime
 * image has blocks of one page, these are the pages that were touched.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { NODE_COMMAND } from '../../../capture/options/runtime.ts';
import { runAsInit } from '../../../capture/pid1.ts';
import { residentPages } from './resident-pages.ts';

const FOLDER = '/target/var/lab';

runAsInit({
  onPhase(phase) {
    if (phase !== 'unmount') return;
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(`${FOLDER}/node-pages`, residentPages(NODE_COMMAND[1]));
  },
});
