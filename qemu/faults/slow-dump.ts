/** Lab fault. Takes a second for every piece of the dump, as a dying disk would. */
import { runAsInit } from '../../capture/pid1.ts';

const pause = new Int32Array(new SharedArrayBuffer(4));

runAsInit({
  onProgress() {
    Atomics.wait(pause, 0, 0, 1000);
  },
});
