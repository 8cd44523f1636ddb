/** Lab fault. Throws in the middle of the page loop, as a bug of ours would. */
import { runAsInit } from '../../capture/pid1.ts';

runAsInit({
  onProgress(done, total) {
    if (done > total / 3) throw new Error('lab fault: thrown in mid-dump');
  },
});
