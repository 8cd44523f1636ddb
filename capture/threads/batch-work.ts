/** The work of one that compresses: it claims batches and fills their slots. */

import type { Codec } from '../codecs/codec.ts';
import { Bitmap } from '../filter/bitmap.ts';
import { finish } from '../kdump/steps.ts';
import { BatchFiller } from '../kdump/write/page-batch.ts';
import { PageLoop, type PageLoopEvents } from '../kdump/write/page-loop.ts';
import type { Vmcore } from '../vmcore/open.ts';
import {
  batchCount,
  FIRST_TURN,
  filledTurn,
  freeTurn,
  NEXT_BATCH,
  slotBatch,
  type ThreadWork,
  WORKING,
  waitWhile,
} from './thread-work.ts';

/** Nothing is looked at in between but the turn. */
const MS_PER_WAIT = 1000;

export class BatchWork {
  readonly #filler: BatchFiller;
  readonly #pages: PageLoop;
  readonly #bounds: Float64Array;
  readonly turns: Int32Array;
  readonly batches: readonly ReturnType<typeof slotBatch>[];
  readonly count: number;
  #works = false;

  constructor(
    work: ThreadWork,
    vmcore: Pick<Vmcore, 'source' | 'segments'>,
    codec: Codec,
    events: PageLoopEvents,
  ) {
    const { pageSizeBytes, sharesZeroPage: findsZeros } = work;
    this.#filler = new BatchFiller(codec, pageSizeBytes, findsZeros, work.unreadableAs);
    const bitmap2 = new Bitmap(new Uint8Array(work.bitmap2), work.max_mapnr, work.chunks);
    this.#pages = new PageLoop({ vmcore, pageSizeBytes, bitmap2, findsZeros }, this.#filler, events);
    this.#bounds = new Float64Array(work.bounds);
    this.turns = new Int32Array(work.turns);
    this.batches = work.slots.map(slotBatch);
    this.count = batchCount(work);
  }

  /** Claims the next batch, waits for its slot and fills it. Returns false when there is none left. */
  takeNext(): boolean {
    const index = Atomics.add(this.turns, NEXT_BATCH, 1);
    if (index >= this.count) return false;
    const at = FIRST_TURN + (index % this.batches.length);
    for (let turn = this.#turn(at); turn !== freeTurn(index); turn = this.#turn(at)) {
      waitWhile(this.turns, at, turn, MS_PER_WAIT);
    }
    if (!this.#works) Atomics.add(this.turns, WORKING, 1);
    this.#works = true;
    this.#fill(index);
    return true;
  }

  /** As `takeNext`, but never waits: for the thread that frees the slots. */
  takeNextIfFree(): boolean {
    const index = Atomics.load(this.turns, NEXT_BATCH);
    const at = FIRST_TURN + (index % this.batches.length);
    if (index >= this.count || this.#turn(at) !== freeTurn(index)) return false;
    if (Atomics.compareExchange(this.turns, NEXT_BATCH, index, index + 1) !== index) return false;
    this.#fill(index);
    return true;
  }

  /**
   * For the thread that frees the slots: claims so many batches, from `index` on, to take their pages without slots. Only while
   * no other thread has begun to compress.
   * @returns the batch after them; undefined where another has claimed one of them.
   */
  claimAlone(index: number, batches: number): number | undefined {
    const end = Math.min(this.count, index + batches);
    if (Atomics.load(this.turns, WORKING) > 0) return undefined;
    if (Atomics.compareExchange(this.turns, NEXT_BATCH, index, end) !== index) return undefined;
    const slots = this.batches.length;
    for (let taken = index; taken < end; taken++) {
      const at = FIRST_TURN + (taken % slots);
      Atomics.store(this.turns, at, freeTurn(taken + slots));
      Atomics.notify(this.turns, at);
    }
    return end;
  }

  #fill(index: number): void {
    const slot = index % this.batches.length;
    const pfns = { start: this.#bounds[index], end: this.#bounds[index + 1] };
    this.#filler.begin(this.batches[slot]);
    finish(this.#pages.take(pfns));
    Atomics.store(this.turns, FIRST_TURN + slot, filledTurn(index));
    Atomics.notify(this.turns, FIRST_TURN + slot);
  }

  #turn(at: number): number {
    return Atomics.load(this.turns, at);
  }
}
