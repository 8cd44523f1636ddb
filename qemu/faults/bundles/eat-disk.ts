/** A lab fault: fills the target near the end of the page loop, as another program could. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { runAsInit } from '../../../capture/pid1.ts';

const PIECE_BYTES = 4 << 20;
let isEaten = false;

runAsInit({
  onProgress(phase, done, total) {
    if (isEaten || phase !== 'dump' || done < 0.9 * total) return;
    isEaten = true;
    const fd = openSync('/target/eaten', 'w', 0o600);
    for (let piece = Buffer.alloc(PIECE_BYTES); piece.length >= 4096; ) {
      try {
        writeSync(fd, piece);
      } catch {
        piece = piece.subarray(0, piece.length / 2);
      }
    }
    closeSync(fd);
    console.log('lab fault: the disk is full now');
  },
});
