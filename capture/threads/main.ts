/** The program of a compressing thread. The host command and the image of the dump-capture initrd have it as a file. */
import { parentPort } from 'node:worker_threads';
import { compress } from './compress.ts';
import type { ThreadMessage } from './threads.ts';

parentPort!.once('message', ({ work, reports }: ThreadMessage) => {
  compress(work, what => reports.postMessage(what));
  reports.close();
});
