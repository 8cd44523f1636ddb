/**
 * Has a dump written to the device while it is made, and lets go of what is there. Otherwise the kernel keeps it: pages that nobody
 * reads before they are verified from the device, and for which it takes the memory of the programs that make the dump.
 */
import { getSystemErrorName } from 'node:util';
import { TargetError } from '../../errors.ts';
import type { EndTracking } from './file-sink.ts';
import type { DumpFile } from './place.ts';

/** What the device gets at once: enough for a disk to be busy. */
const PIECE_BYTES = 1 << 20;
/** How many pieces are on their way before one is waited for. */
const MOST_UNDER_WAY = 2;

/** By system calls; see libc.ts. */
export interface RangeCalls {
  syncRange(fd: number, offset: number, lengthBytes: number, waits: boolean): number;
  dropCache(fd: number, offset: number, lengthBytes: number): void;
}

/**
 * @param startOffset of what is written in order and is most of the file: its page data.
 * @returns a sink that throws TargetError also where the device did not take what was written before.
 */
export function writeBehind(
  sink: EndTracking,
  { fd, startOffset: fileOffset }: Pick<DumpFile, 'fd' | 'startOffset'>,
  calls: RangeCalls,
  startOffset: number,
): EndTracking {
  let [given, dropped] = [startOffset, startOffset];
  const sync = (offset: number, waits: boolean): void => {
    const errno = calls.syncRange(fd, fileOffset + offset, PIECE_BYTES, waits);
    if (errno === 0) return;
    const code = getSystemErrorName(-errno);
    throw new TargetError(code, { action: 'write the dump to the device', actual: code }, { offset });
  };
  return {
    allowsHoles: sink.allowsHoles,
    get endOffset() {
      return sink.endOffset;
    },
    writeAt(bytes, offset) {
      sink.writeAt(bytes, offset);
      for (; offset + bytes.length >= given + PIECE_BYTES; given += PIECE_BYTES) sync(given, false);
      for (; given - dropped > MOST_UNDER_WAY * PIECE_BYTES; dropped += PIECE_BYTES) {
        sync(dropped, true);
        calls.dropCache(fd, fileOffset + dropped, PIECE_BYTES);
      }
    },
    sync: () => sink.sync(),
  };
}

/**
 * Lets go of what was read of a file, from its start on.
 * @returns what is called with the end of each piece. It keeps the last two: the kernel has not yet put all of their pages where it
 * finds them, and would have every CPU do that at once.
 */
export function readBehind(
  { fd, startOffset }: Pick<DumpFile, 'fd' | 'startOffset'>,
  { dropCache }: Pick<RangeCalls, 'dropCache'>,
): (endOffset: number) => void {
  let [dropped, before, last] = [0, 0, 0];
  return endOffset => {
    if (before > dropped) dropCache(fd, startOffset + dropped, before - dropped);
    [dropped, before, last] = [before, last, endOffset];
  };
}
