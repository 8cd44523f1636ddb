/** A lab fault: each piece of the dump takes a second, or `lab.pause=` seconds, as on a failing disk. */
import { readFileSync } from 'node:fs';
import { runAsInit } from '../../../capture/pid1.ts';

const pause = new Int32Array(new SharedArrayBuffer(4));
const seconds = Number(/\blab\.pause=(\d+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1] ?? 1);

runAsInit({
  onProgress(phase) {
    if (phase === 'dump') Atomics.wait(pause, 0, 0, seconds * 1000);
  },
});
