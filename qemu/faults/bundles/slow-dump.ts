/** Lab fault. Takes a second, or `lab.pause=` of them, for every piece of the dump, as a dying disk would. */
import { readFileSync } from 'node:fs';
import { runAsInit } from '../../../capture/pid1.ts';

const pause = new Int32Array(new SharedArrayBuffer(4));
const seconds = Number(/\blab\.pause=(\d+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1] ?? 1);

runAsInit({
  onProgress() {
    Atomics.wait(pause, 0, 0, seconds * 1000);
  },
});
