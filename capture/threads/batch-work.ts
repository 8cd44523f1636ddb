/** The work of one compressing thread: it claims batches and fills their slots. */

import type { Codec } from '../codecs/codec.ts';
import { Bitmap } from '../filter/bitmap.ts';
import { finish } from '../kdump/steps.ts';
import { BatchFiller } from '../kdump/write/page-batch.ts';
import { dumpablePages, type PageLoopEvents } from '../kdump/write/page-loop.ts';
import type { Vmcore } from '../vmcore/open.ts';
import {
  FIRST_TURN,
  filledTurn,
  freeTurn,
  NEXT_BATCH,
  slotBatch,
  type ThreadWork,
  WORKING,
} from './thread-work.ts';

export class BatchWork {
  readonly #work: ThreadWork;
  readonly #vmcore: Pick<Vmcore, 'source' | 'segments'>;
  readonly #filler: BatchFiller;
  readonly #events: PageLoopEvents;
  readonly #bitmap2: Bitmap;
  readonly #bounds: Float64Array;
  readonly turns: Int32Array<SharedArrayBuffer>;
  readonly batches: readonly ReturnType<typeof slotBatch>[];
  readonly count: number;
  #works = false;

  constructor(
    work: ThreadWork,
    vmcore: Pick<Vmcore, 'source' | 'segments'>,
    codec: Codec,
    events: PageLoopEvents,
  ) {
    this.#work = work;
    this.#vmcore = vmcore;
    this.#events = events;
    this.#filler = new BatchFiller(codec, work.pageSizeBytes, work.sharesZeroPage, work.unreadableAs);
    this.#bitmap2 = new Bitmap(new Uint8Array(work.bitmap2), work.max_mapnr, work.chunks);
    this.#bounds = new Float64Array(work.bounds);
    this.turns = new Int32Array(work.turns);
    this.batches = work.slots.map(slotBatch);
    this.count = this.#bounds.length - 1;
  }

  /** Claims the next batch, waits for its slot and fills it. Returns false when there is none left. */
  takeNext(): boolean {
    const index = Atomics.add(this.turns, NEXT_BATCH, 1);
    if (index >= this.count) return false;
    const at = FIRST_TURN + (index % this.batches.length);
    for (let turn = this.#turn(at); turn !== freeTurn(index); turn = this.#turn(at)) {
      Atomics.wait(this.turns, at, turn);
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

  #fill(index: number): void {
    const slot = index % this.batches.length;
    const pfns = { start: this.#bounds[index], end: this.#bounds[index + 1] };
    const { pageSizeBytes, sharesZeroPage: findsZeros } = this.#work;
    this.#filler.begin(this.batches[slot]);
    const input = { vmcore: this.#vmcore, pageSizeBytes, bitmap2: this.#bitmap2, findsZeros, pfns };
    finish(dumpablePages(input, this.#filler, this.#events));
    Atomics.store(this.turns, FIRST_TURN + slot, filledTurn(index));
    Atomics.notify(this.turns, FIRST_TURN + slot);
  }

  #turn(at: number): number {
    return Atomics.load(this.turns, at);
  }
}
