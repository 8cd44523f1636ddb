/** Not a fault: a capture that also keeps a raw copy of /proc/vmcore. A dump of the copy must be the captured dump. */
import { closeSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { runAsInit } from '../../../capture/pid1.ts';

const COPY_DIRECTORY = '/target/var/lab';
const CHUNK_BYTES = 4 << 20;

runAsInit({
  onPhase(phase) {
    if (phase === 'dmesg') copyVmcore();
  },
});

function copyVmcore(): void {
  mkdirSync(COPY_DIRECTORY, { recursive: true });
  const from = openSync('/proc/vmcore', 'r');
  const to = openSync(`${COPY_DIRECTORY}/vmcore`, 'wx');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const zeros = Buffer.alloc(CHUNK_BYTES);
  let offset = 0;
  for (;;) {
    const length = readSync(from, chunk, 0, CHUNK_BYTES, offset);
    if (length === 0) break;
    // Most of the memory is zeros: holes are faster. The last piece is always written, which sets the file's length.
    const isHole = length === CHUNK_BYTES && chunk.equals(zeros);
    if (!isHole) writeSync(to, chunk, 0, length, offset);
    offset += length;
  }
  closeSync(from);
  closeSync(to);
}
