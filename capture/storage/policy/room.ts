/** Keeps track of the space on a target during a capture: what the file system reports, and what it really accepts. */
import { fstatSync } from 'node:fs';
import { TargetError } from '../../errors.ts';
import { amountBytes } from '../../options/amount.ts';
import type { ManifestSpace } from '../manifest.ts';
import type { DumpFile } from '../place/place.ts';
import { EPILOGUE_BYTES, INODES_WANTED, type Room, readSpace, roomIn } from './space.ts';

export interface RoomKeeping {
  /** On the file system; undefined for a partition without one. */
  readonly directory: string | undefined;
  readonly mostFileBytes: number | undefined;
  readonly options: { readonly keepFree: string; readonly makeRoom: 'never' | 'oldest' };
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Removes the oldest dump that may be removed and returns its name; undefined for none. */
  readonly removeOldest: () => string | undefined;
}

/** The unit of st_blocks on every file system. */
const STAT_BLOCK_BYTES = 512;

export class RoomKeeper {
  readonly #keeping: RoomKeeping;
  readonly #before: ReturnType<typeof readSpace> | undefined;
  /** What the file system accepted before ENOSPC, less the space to keep free. */
  #learntBytes = Number.POSITIVE_INFINITY;
  readonly #steps: string[] = [];
  readonly #removed: string[] = [];
  #predictedBytes: number | undefined;
  #writtenBytes: number | undefined;
  #isReserved = false;

  constructor(keeping: RoomKeeping) {
    this.#keeping = keeping;
    this.#before = keeping.directory === undefined ? undefined : readSpace(keeping.directory);
    const inodes = this.#before?.freeInodes ?? INODES_WANTED;
    if (inodes < INODES_WANTED) {
      keeping.warn(`there are ${inodes} inodes free; ${INODES_WANTED} are wanted for the files of the dump`);
      if (keeping.options.makeRoom === 'oldest') this.#remove();
    }
  }

  room(): Room {
    const { directory, mostFileBytes, options } = this.#keeping;
    const space = directory === undefined ? undefined : readSpace(directory);
    return roomIn(space, options.keepFree, Math.min(mostFileBytes ?? this.#learntBytes, this.#learntBytes));
  }

  /** Removes dumps until `bytes` are free, if the policy allows it. Returns whether any was removed. */
  makeRoom(bytes: number): boolean {
    if (this.#keeping.options.makeRoom !== 'oldest') return false;
    let isAny = false;
    while (this.room().root < bytes && this.#remove()) isAny = true;
    return isAny;
  }

  /** Records a step, tried or done. */
  step(text: string): void {
    this.#steps.push(text);
    this.#keeping.say(text);
  }

  predicted(bytes: number): void {
    this.#predictedBytes = bytes;
  }

  reserved(isReserved: boolean): void {
    this.#isReserved = isReserved;
  }

  written(bytes: number): void {
    this.#writtenBytes = bytes;
    const error = this.#errorPercent();
    if (error === undefined) return;
    this.#keeping.say(
      `${bytes} bytes written, ${Math.abs(error)} % ${error < 0 ? 'fewer' : 'more'} than predicted`,
    );
  }

  /** After ENOSPC. @param endOffset the end of what was written */
  refused({ fd }: DumpFile, endOffset: number): void {
    const { directory, options, warn } = this.#keeping;
    const stat = fstatSync(fd);
    // Written data may still be in memory, without blocks.
    const took = stat.isFile() ? Math.min(endOffset, stat.blocks * STAT_BLOCK_BYTES) : endOffset;
    const kept =
      directory === undefined ? 0 : amountBytes(options.keepFree, this.#before!.totalBytes) + EPILOGUE_BYTES;
    this.#learntBytes = Math.max(0, Math.min(took, this.#learntBytes) - kept);
    warn(`the target had no room after ${took} bytes; going on as if it had ${this.#learntBytes}`);
  }

  exhausted(): TargetError {
    return new TargetError('NO_SPACE', {
      action: 'save a dump',
      actual: `there is room for ${this.room().root} bytes, with ${this.#keeping.options.keepFree} kept free`,
      toDo: 'remove old dumps (kdumpling cleanup), or set keep_free, make_room or a fallback_target',
    });
  }

  /** Records a dump that was removed after this one was complete. */
  expired(name: string): void {
    this.#removed.push(name);
  }

  record(): ManifestSpace {
    const { freeBytes, availableBytes, totalBytes, freeInodes } = this.#before ?? {};
    return {
      totalBytes,
      freeBytes,
      availableBytes,
      freeInodes,
      keepFree: this.#keeping.options.keepFree,
      steps: this.#steps,
      predictedBytes: this.#predictedBytes,
      predictionErrorPercent: this.#errorPercent(),
      reserved: this.#writtenBytes === undefined ? undefined : this.#isReserved,
      removed: this.#removed,
    };
  }

  #errorPercent(): number | undefined {
    if (this.#writtenBytes === undefined || this.#predictedBytes === undefined) return undefined;
    return Number(((100 * (this.#writtenBytes - this.#predictedBytes)) / this.#predictedBytes).toFixed(1));
  }

  #remove(): boolean {
    const name = this.#keeping.removeOldest();
    if (name === undefined) return false;
    this.#removed.push(name);
    this.#learntBytes = Number.POSITIVE_INFINITY;
    this.step(`removed the oldest dump, ${name}, to make room`);
    return true;
  }
}
