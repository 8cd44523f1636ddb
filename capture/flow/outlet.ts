/** How the bytes of a dump get to the device while it is made: past the page cache where that can be, or through it. */
import { fstatSync, statfsSync } from 'node:fs';
import { attempt } from '../errors.ts';
import { openAsyncWrites } from '../ffi/aio.ts';
import type { Ffi } from '../ffi/library.ts';
import { writesDirectly } from '../options/file-systems.ts';
import {
  DIRECT_PIECE_BYTES,
  DIRECT_PIECES,
  type DirectFile,
  DirectWrites,
  openDirectly,
} from '../storage/place/direct-writes.ts';
import { type EndTracking, trackEnd } from '../storage/place/file-sink.ts';
import type { DumpFile } from '../storage/place/place.ts';
import type { Reservation } from '../storage/place/reserve.ts';
import { writeBehind } from '../storage/place/write-behind.ts';
import type { CaptureContext } from './context.ts';

export interface Outlet {
  readonly sink: EndTracking;
  /** For a dump that ends before its end. Never throws. */
  close(): void;
}

/** @param dataOffset where the page data of the file begins. */
export function openOutlet(
  { ffi, libc, memory }: Pick<CaptureContext, 'ffi' | 'libc' | 'memory'>,
  file: DumpFile,
  dataOffset: number,
  reservation: Reservation,
): Outlet {
  const tracked = trackEnd(file.sink);
  const cachedFrom = (offset: number) => (libc ? writeBehind(tracked, file, libc, offset) : tracked);
  const hasMemory = memory.refusal(DIRECT_PIECES * DIRECT_PIECE_BYTES) === undefined;
  const direct = ffi && hasMemory && reservation === 'reserved' ? openDirect(ffi, file) : undefined;
  if (!direct) return { sink: cachedFrom(dataOffset), close: () => {} };
  const sink = new DirectWrites(tracked, cachedFrom, direct, dataOffset);
  return { sink, close: () => sink.close() };
}

/** Undefined where the kernel, or the file system, has no such writes, or waits for them. */
function openDirect(ffi: Ffi, { fd }: DumpFile): DirectFile | undefined {
  return attempt(() => {
    if (!fstatSync(fd).isFile() || !writesDirectly(statfsSync(`/proc/self/fd/${fd}`).type)) return undefined;
    const queue = openAsyncWrites(ffi, DIRECT_PIECES, DIRECT_PIECE_BYTES);
    const own = attempt(
      () => openDirectly(fd),
      () => queue.close(),
    );
    return own === undefined ? undefined : { fd: own, queue };
  });
}
