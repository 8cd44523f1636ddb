/**
 * Writes the page data of a dump past the page cache, while the next pages are compressed: to put a page into that cache costs a crash
 * kernel more than to copy it. What cannot be written so goes through the cache after all.
 *
 * It is for a regular file whose blocks are reserved. Where a file grows, the kernel waits for each write.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { attempt } from '../../errors.ts';
import type { EndTracking } from './file-sink.ts';

/** Of one write. */
export const DIRECT_PIECE_BYTES = 512 << 10;
/** One is on its way while the other is filled. */
export const DIRECT_PIECES = 2;
/** A dump with few pages that are not zeros has far more descriptors than data. */
const MOST_LATE_BYTES = 256 << 10;

/** By system calls; see aio.ts. */
export interface WriteQueue {
  readonly alignBytes: number;
  readonly buffers: readonly Uint8Array[];
  begin(slot: number, fd: number, offset: number): number;
  wait(slot: number): number;
  close(): void;
}

export interface DirectFile {
  /** A descriptor of its own, from `openDirectly`. */
  readonly fd: number;
  readonly queue: WriteQueue;
}

/** @throws what Node's call throws where the file system has no such writes. */
export function openDirectly(fd: number): number {
  return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_DIRECT);
}

/** A whole buffer of the queue, on its way. */
interface Piece {
  readonly slot: number;
  readonly offset: number;
  /** The kernel may refuse it at once. */
  readonly hasBegun: boolean;
}

/** It describes data, so it must not be in the file before that: a capture may end at any moment. */
interface LateWrite {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly dataEnd: number;
}

export class DirectWrites implements EndTracking {
  readonly #cached: EndTracking;
  readonly #cachedFrom: (offset: number) => EndTracking;
  /** Undefined when it is closed, and nothing is written directly any more. */
  #direct: DirectFile | undefined;
  /** Takes everything then. */
  #instead: EndTracking;
  /** Where the data ends that was given, that which is written, and that which was written directly. */
  #next: number;
  #writtenEnd: number;
  #directEnd = 0;
  /** The buffer that is filled, and how far. */
  #slot = 0;
  #filledBytes = 0;
  /** The oldest first. */
  readonly #pieces: Piece[] = [];
  readonly #late: LateWrite[] = [];
  #lateBytes = 0;
  #isRefused = false;

  /**
   * @param cached writes through the page cache.
   * @param cachedFrom does so with all data from an offset on.
   * @param direct is closed here.
   * @param dataOffset where the data begins. It comes in order.
   */
  constructor(
    cached: EndTracking,
    cachedFrom: (offset: number) => EndTracking,
    direct: DirectFile,
    dataOffset: number,
  ) {
    this.#cached = cached;
    this.#instead = cached;
    this.#cachedFrom = cachedFrom;
    this.#direct = direct;
    this.#next = dataOffset;
    this.#writtenEnd = dataOffset;
  }

  get allowsHoles(): boolean | undefined {
    return this.#cached.allowsHoles;
  }

  get endOffset(): number {
    return Math.max(this.#cached.endOffset, this.#directEnd);
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    if (!this.#direct) this.#instead.writeAt(bytes, offset);
    else if (offset === this.#next) this.#writeData(this.#direct, bytes);
    else this.#writeLater(bytes, offset);
  }

  sync(): void {
    this.#settle();
    this.close();
    this.#cached.sync();
  }

  /** Has in the file what was given, as far as the target takes it. Never throws. */
  close(): void {
    if (!this.#direct) return;
    const { queue, fd } = this.#direct;
    attempt(() => this.#settle());
    this.#direct = undefined;
    queue.close();
    attempt(() => closeSync(fd));
  }

  #writeData(direct: DirectFile, bytes: Uint8Array): void {
    let at = 0;
    const { alignBytes, buffers } = direct.queue;
    const unaligned = this.#next % alignBytes;
    if (this.#filledBytes === 0 && unaligned > 0) {
      at = Math.min(bytes.length, alignBytes - unaligned);
      this.#writeCached(bytes.subarray(0, at), this.#next);
      this.#next += at;
      this.#writtenEnd = this.#next;
    }
    while (at < bytes.length) {
      const buffer = buffers[this.#slot]!;
      const part = bytes.subarray(at, at + buffer.length - this.#filledBytes);
      buffer.set(part, this.#filledBytes);
      this.#filledBytes += part.length;
      this.#next += part.length;
      at += part.length;
      if (this.#filledBytes === buffer.length) this.#give(direct, buffer);
    }
    if (!this.#isRefused) return;
    this.#settle();
    this.close();
    this.#instead = this.#cachedFrom(this.#next);
  }

  #give({ queue, fd }: DirectFile, buffer: Uint8Array): void {
    const [slot, offset] = [this.#slot, this.#next - buffer.length];
    this.#pieces.push({ slot, offset, hasBegun: queue.begin(slot, fd, offset) === 0 });
    this.#filledBytes = 0;
    this.#slot = (slot + 1) % queue.buffers.length;
    if (this.#pieces.length === queue.buffers.length) this.#finishOldest();
  }

  #finishOldest(): void {
    const { slot, offset, hasBegun } = this.#pieces.shift()!;
    const { queue } = this.#direct!;
    const buffer = queue.buffers[slot]!;
    const end = offset + buffer.length;
    if (hasBegun && queue.wait(slot) === buffer.length) {
      this.#directEnd = end;
    } else {
      this.#isRefused = true;
      this.#writeCached(buffer, offset);
    }
    this.#reach(end);
  }

  /** Has the data so far in the file. What fills the last buffer stays there, too, and is written once more with the rest. */
  #settle(): void {
    if (!this.#direct) return;
    while (this.#pieces.length > 0) this.#finishOldest();
    if (this.#writtenEnd === this.#next) return;
    const filled = this.#direct.queue.buffers[this.#slot]!.subarray(0, this.#filledBytes);
    this.#writeCached(filled, this.#next - filled.length);
    this.#reach(this.#next);
  }

  /** @throws TargetError. Then there are no descriptors of this data, nor of what follows. */
  #writeCached(data: Uint8Array, offset: number): void {
    try {
      this.#cached.writeAt(data, offset);
    } catch (error) {
      this.#late.length = 0;
      throw error;
    }
  }

  #writeLater(bytes: Uint8Array, offset: number): void {
    if (this.#writtenEnd === this.#next) {
      this.#cached.writeAt(bytes, offset);
      return;
    }
    this.#late.push({ bytes: bytes.slice(), offset, dataEnd: this.#next });
    this.#lateBytes += bytes.length;
    if (this.#lateBytes > MOST_LATE_BYTES) this.#settle();
  }

  #reach(dataEnd: number): void {
    this.#writtenEnd = dataEnd;
    while (this.#late[0] && this.#late[0].dataEnd <= dataEnd) {
      const { bytes, offset } = this.#late.shift()!;
      this.#cached.writeAt(bytes, offset);
      this.#lateBytes -= bytes.length;
    }
  }
}
