/** A lab fault: each piece of the dump takes a second, or `lab.pause=` seconds, as on a failing disk. */
import { readFileSync } from 'node:fs';
import { pause } from '../../../capture/pause.ts';
import { runAsInit } from '../../../capture/pid1.ts';

const seconds = Number(/\blab\.pause=(\d+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1] ?? 1);

runAsInit({
  onProgress(phase) {
    if (phase === 'dump') pause(seconds * 1000);
  },
});
