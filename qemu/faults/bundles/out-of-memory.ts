/** Lab fault. Takes memory without end in the middle of the page loop. */
import { runAsInit } from '../../../capture/pid1.ts';

const PIECE_BYTES = 1 << 20;

runAsInit({
  onProgress(done, total) {
    if (done < total / 3) return;
    // Outside V8's heap, whose own limit would end in a tidy exception first; touched, so that it is really there.
    for (const taken: Buffer[] = []; ; ) taken.push(Buffer.alloc(PIECE_BYTES, 1));
  },
});
