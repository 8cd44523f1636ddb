/** A lab fault: takes memory without end in the middle of the page loop. */
import { runAsInit } from '../../../capture/pid1.ts';

const PIECE_BYTES = 1 << 20;

runAsInit({
  onProgress(phase, done, total) {
    if (phase !== 'dump' || done < total / 3) return;
    // Outside V8's heap, whose limit would throw first. Filled, so that the kernel allocates the pages.
    for (const taken: Buffer[] = []; ; ) taken.push(Buffer.alloc(PIECE_BYTES, 1));
  },
});
