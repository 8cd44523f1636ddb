/** What a dump of each step of the ladder would be: its pages, codec and size. Kept until another level is planned. */
import type { Codec } from '../codecs/codec.ts';
import { openCodecOrFallback } from '../codecs/open.ts';
import { STRONGEST_CODEC } from '../codecs/table.ts';
import { describeError } from '../errors.ts';
import { type BitmapMemory, openBitmapMemory } from '../ffi/file-memory.ts';
import { openFfi } from '../ffi/library.ts';
import { Bitmap } from '../filter/bitmap.ts';
import { DUMP_LEVEL_ZERO, MAX_DUMP_LEVEL } from '../filter/dump-level.ts';
import { reachablePages } from '../filter/reach.ts';
import { type DumpLayout, planLayout } from '../kdump/format/layout.ts';
import type { Bound } from '../kdump/write/bounded.ts';
import { choosePages, type PageChoice } from '../kdump/write/input.ts';
import {
  fittingPages,
  type PageSample,
  type Prediction,
  predictSize,
  type ReadPage,
  SAMPLE_PAGES,
  samplePages,
  spreadPages,
} from '../kdump/write/predict.ts';
import type { Crash } from '../kernel/crash.ts';
import type { Step } from '../storage/policy/ladder.ts';
import { readPhysicalOrZeros } from '../vmcore/open.ts';
import type { CaptureContext } from './context.ts';
import { DeadlineError, type Phases } from './phases.ts';
import type { DumpRequest } from './record.ts';

/** The share of the room that is kept for the pages that are needed first; the others get what those leave. */
const FIRST_SHARE = 0.9;
/** A kernel's own pages take more than this on average when compressed, so no more of them fit. */
const LEAST_PAGE_BYTES = 512;
/** 4 GiB of pages: more than the structures that a debugger starts with take in any kernel, and found in bounded time. */
const MOST_FIRST_PAGES = 1 << 20;

export interface PlannedDump {
  readonly pages: PageChoice;
  readonly codec: Codec;
  readonly layout: DumpLayout;
  readonly prediction: Prediction;
}

export class DumpPlanner {
  readonly #context: CaptureContext;
  readonly #crash: Crash;
  readonly #phases: Phases;
  /** A directory for bitmaps that are too large for this machine's memory. */
  readonly #scratch: string | undefined;
  readonly #codecs = new Map<Step['codec'], Codec>();
  #memory: BitmapMemory | undefined;
  #level = Number.NaN;
  #pages: PageChoice | undefined;
  #planned = new Map<Step['codec'], PlannedDump>();

  constructor({
    context,
    crash,
    phases,
    place,
  }: Pick<DumpRequest, 'context' | 'crash' | 'phases' | 'place'>) {
    this.#context = context;
    this.#crash = crash;
    this.#phases = phases;
    this.#scratch = place.scratch;
  }

  levelOf(step: Step): number {
    return step.level === 'wished' ? this.#context.options.dumpLevel : MAX_DUMP_LEVEL;
  }

  /** Whether the step's dump differs from the one that was asked for. */
  isOther(step: Step): boolean {
    return this.levelOf(step) !== this.#context.options.dumpLevel || step.codec !== 'wished';
  }

  /** Valid until another level is planned. */
  plan(step: Step): PlannedDump {
    const pages = this.#choose(this.levelOf(step));
    const known = this.#planned.get(step.codec);
    if (known) return known;
    const { vmcore } = this.#crash;
    const codec = this.#codec(step.codec);
    const dumpablePages = pages.bitmap2.count();
    const layout = planLayout({
      pageSizeBytes: vmcore.pageSizeBytes,
      max_mapnr: pages.bitmap2.sizeBits,
      noteBytes: vmcore.noteBytes.length,
      dumpablePages,
    });
    const sample = this.#phases.run('space', () =>
      this.#sample(spreadPages(pages.bitmap2, SAMPLE_PAGES), codec),
    );
    const prediction = predictSize(layout, dumpablePages, sample);
    const planned = { pages, codec, layout, prediction };
    this.#planned.set(step.codec, planned);
    return planned;
  }

  /**
   * Which pages come first in a dump that must not exceed `limitBytes`. Degrades: where they cannot be found, pages are
   * taken in the order of memory.
   */
  bound({ pages: { bitmap2 }, codec, layout }: PlannedDump, limitBytes: number): Bound {
    const dataBytes = Math.max(0, limitBytes - layout.dataOffset - layout.block_size);
    const reached = this.#reach(bitmap2, dataBytes / LEAST_PAGE_BYTES);
    const firstPages = fittingPages(reached, FIRST_SHARE * dataBytes, some => this.#sample(some, codec));
    const first = Bitmap.create(bitmap2.sizeBits, 1, this.#memory?.allocate);
    for (let i = 0; i < firstPages; i++) first.set(reached[i]);
    const { sizes } = this.#sample(spreadPages(first, SAMPLE_PAGES), codec);
    return { limitBytes, first, firstPages, firstPageBytes: sizes };
  }

  close(): void {
    for (const codec of this.#codecs.values()) codec.close();
    this.#memory?.release();
  }

  #choose(level: number): PageChoice {
    if (this.#pages && this.#level === level) return this.#pages;
    const { libc, log } = this.#context;
    this.#memory?.release();
    this.#planned.clear();
    const memory = openBitmapMemory(libc, this.#scratch, cause => log.warn('dump', describeError(cause)));
    this.#memory = memory;
    this.#level = level;
    this.#pages = this.#phases.run('plan', () =>
      choosePages(this.#crash, level, {
        allocate: memory.allocate,
        onProgress: () => this.#phases.checkDeadline('plan'),
      }),
    );
    for (const warning of this.#pages.warnings) log.warn('dump', warning);
    return this.#pages;
  }

  #codec(kind: Step['codec']): Codec {
    const { options, ffi, log } = this.#context;
    const known = this.#codecs.get(kind);
    if (known) return known;
    const choice = kind === 'wished' ? { name: options.codec } : STRONGEST_CODEC;
    const codec = openCodecOrFallback(
      () => ffi ?? openFfi(),
      { ...choice, pageSizeBytes: this.#crash.vmcore.pageSizeBytes },
      (fallback, cause) =>
        log.warn('dump', `compressing with ${fallback.implementation}: ${describeError(cause)}`),
    );
    this.#codecs.set(kind, codec);
    return codec;
  }

  #sample(pfns: Iterable<number>, codec: Codec): PageSample {
    const { vmcore } = this.#crash;
    const read: ReadPage = (pfn, into) => {
      try {
        return readPhysicalOrZeros(vmcore, pfn * vmcore.pageSizeBytes, into) > 0;
      } catch {
        return false;
      }
    };
    const sharesZeroPage = (this.#pages!.dumpLevel & DUMP_LEVEL_ZERO) !== 0;
    return samplePages(pfns, read, codec, { pageSizeBytes: vmcore.pageSizeBytes, sharesZeroPage });
  }

  #reach(bitmap2: Bitmap, most: number): readonly number[] {
    const { log } = this.#context;
    try {
      return reachablePages(this.#crash.vmcore, {
        bitmap2,
        mostPages: Math.min(MOST_FIRST_PAGES, Math.floor(most)),
        allocate: this.#memory?.allocate,
        onProgress: () => this.#phases.checkDeadline('space'),
      });
    } catch (error) {
      if (error instanceof DeadlineError) throw error;
      log.warn('dump', `pages are taken in the order of memory: ${describeError(error)}`);
      return [];
    }
  }
}
