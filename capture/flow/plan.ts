/** What a dump of each step of the ladder would be: its pages, codec and size. Kept until another level is planned. */
import type { Codec } from '../codecs/codec.ts';
import { openCodecOrFallback } from '../codecs/open.ts';
import { STRONGEST_CODEC } from '../codecs/table.ts';
import { describeError } from '../errors.ts';
import {
  type BitmapMemory,
  type BitmapStore,
  openBitmapMemory,
  storeInDirectory,
  storeInRoom,
} from '../ffi/file-memory.ts';
import { openFfi } from '../ffi/library.ts';
import { MAX_DUMP_LEVEL } from '../filter/dump-level.ts';
import { type FinishedDump, storedSample } from '../kdump/combine/copied-pages.ts';
import { type DumpLayout, planLayout } from '../kdump/format/layout.ts';
import { type Bitmap1, bitmapHoles } from '../kdump/write/bitmaps.ts';
import type { Bound } from '../kdump/write/bounded.ts';
import { boundDump, sampleDump, type UnboundedDump } from '../kdump/write/first-pages.ts';
import { choosePages, type PageChoice } from '../kdump/write/input.ts';
import { type Prediction, predictSize, SAMPLE_PAGES, spreadPages } from '../kdump/write/predict.ts';
import type { Crash } from '../kernel/crash.ts';
import { LADDER, type Step } from '../storage/policy/ladder.ts';
import type { RoomKeeper } from '../storage/policy/room.ts';
import { TRIAGE_SAMPLE_PAGES, triageBitmap } from '../triage/bitmap.ts';
import { SCENE_TRIAGE_CODEC } from '../triage/codec.ts';
import { rankPages } from '../triage/rank.ts';
import type { FileRange } from '../vmcore/mappable.ts';
import type { CaptureContext } from './context.ts';
import { DeadlineError, type Phases } from './phases.ts';
import { openCount, openProgress, QUIET_SECONDS } from './progress.ts';
import type { DumpRequest } from './record.ts';

export interface PlannedDump {
  readonly pages: PageChoice;
  readonly bitmap1: Bitmap1;
  readonly codec: Codec;
  readonly layout: DumpLayout;
  /** The file has no blocks for these; sorted. */
  readonly holes: readonly FileRange[];
  readonly holeBytes: number;
  /** Sizes do not include holes. */
  readonly prediction: Prediction;
}

type Planning = Pick<DumpRequest, 'context' | 'crash' | 'phases' | 'place' | 'findings'> & {
  readonly keeper: Pick<RoomKeeper, 'room'>;
};

type CodecKind = Step['codec'] | 'triage';

/** What is measured of a dump: how many of its pages, and which pages its first bitmap has. */
interface Measuring {
  /** With none, each page is taken as it is. */
  readonly samplePages: number;
  readonly bitmap1: Bitmap1;
}

const WHOLE_DUMP: Measuring = { samplePages: SAMPLE_PAGES, bitmap1: 'whole' };
const TRIAGE_DUMP: Measuring = { samplePages: TRIAGE_SAMPLE_PAGES, bitmap1: 'nearKept' };
const COPIED_TRIAGE_DUMP: Measuring = { samplePages: 0, bitmap1: 'nearKept' };
/** Where there is room for all pages as they are: then nothing but the reservation and the progress depends on the prediction. */
const ROOMY_SAMPLE_PAGES = 192;

export class DumpPlanner {
  readonly #context: CaptureContext;
  readonly #crash: Crash;
  readonly #phases: Phases;
  /** For bitmaps that are too large for this machine's memory. */
  readonly #store: BitmapStore | undefined;
  /** Neither FAT nor a bare partition has holes. */
  readonly #allowsHoles: boolean;
  readonly #keeper: Pick<RoomKeeper, 'room'>;
  readonly #findings: Planning['findings'];
  readonly #codecs = new Map<CodecKind, Codec>();
  #memory: BitmapMemory | undefined;
  #level = Number.NaN;
  #pages: PageChoice | undefined;
  #planned = new Map<Step['codec'], PlannedDump>();

  constructor({ context, crash, phases, place, keeper, findings }: Planning) {
    this.#findings = findings;
    this.#context = context;
    this.#crash = crash;
    this.#phases = phases;
    this.#store = storeOf(place);
    this.#allowsHoles = place.mostFileBytes === undefined;
    this.#keeper = keeper;
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
    const planned = this.#measure(pages, this.#codec(step.codec), WHOLE_DUMP);
    this.#planned.set(step.codec, planned);
    return planned;
  }

  /** The layout and the size of a dump. */
  #measure(pages: PageChoice, codec: Codec, { samplePages, bitmap1 }: Measuring): PlannedDump {
    const { vmcore } = this.#crash;
    const dumpablePages = pages.bitmap2.count();
    const layout = planLayout({
      pageSizeBytes: vmcore.pageSizeBytes,
      max_mapnr: pages.bitmap2.sizeBits,
      noteBytes: vmcore.noteBytes.length,
      dumpablePages,
    });
    const mostBytes = layout.dataOffset + (dumpablePages + 1) * layout.block_size;
    const measured =
      mostBytes <= this.#keeper.room().users ? Math.min(samplePages, ROOMY_SAMPLE_PAGES) : samplePages;
    const sample = this.#phases.run('space', () =>
      sampleDump(this.#unbounded({ pages, codec, layout }), spreadPages(pages.bitmap2, measured), () =>
        this.#phases.checkDeadline('space'),
      ),
    );
    const bitmaps = { segments: vmcore.segments.segments, bitmap1, bitmap2: pages.bitmap2 };
    const holes = this.#allowsHoles ? bitmapHoles(layout, bitmaps) : [];
    const holeBytes = holes.reduce((sum, { start, end }) => sum + end - start, 0);
    const prediction =
      samplePages === 0
        ? { bytes: mostBytes, needBytes: mostBytes }
        : predictSize(layout, dumpablePages, sample, holeBytes);
    return { pages, bitmap1, codec, layout, holes, holeBytes, prediction };
  }

  /**
   * A dump of some of the pages of the first step; undefined when it would have none.
   * @param finished the dump of that step, where its pages are copied.
   */
  planTriage(pfns: readonly number[], finished?: FinishedDump): PlannedDump | undefined {
    const pages = this.#choose(this.levelOf(LADDER[0]));
    const codec = this.#codec(finished ? 'wished' : 'triage');
    const { vmcore } = this.#crash;
    const measure = finished && ((some: Iterable<number>) => storedSample(finished, some));
    const dump = { vmcore, dumpLevel: pages.dumpLevel, codec, measure };
    const { bitmap2 } = triageBitmap(dump, pages.bitmap2, pfns, this.#memory?.allocate);
    return bitmap2.count() === 0
      ? undefined
      : this.#measure({ ...pages, bitmap2 }, codec, finished ? COPIED_TRIAGE_DUMP : TRIAGE_DUMP);
  }

  /**
   * Which pages come first in a dump that must not take more than `roomBytes`. Degrades: where they cannot be found, pages are
   * taken in the order of memory.
   */
  bound(planned: PlannedDump, roomBytes: number): Bound {
    const { log, clock } = this.#context;
    const count = openCount(text => log.say('space', text), clock.seconds, QUIET_SECONDS);
    return boundDump(this.#unbounded(planned), roomBytes + planned.holeBytes, {
      allocate: this.#memory?.allocate,
      rank: (vmcore, request) => rankPages(vmcore, request, this.#findings.autopsy?.pages?.pfns ?? []),
      onProgress: pagesDone => {
        this.#phases.checkDeadline('space');
        count(() => `choosing the pages that are needed most: ${pagesDone} searched`);
      },
      onUnranked: cause => {
        if (cause instanceof DeadlineError) throw cause;
        log.warn('dump', `pages are taken in the order of memory: ${describeError(cause)}`);
      },
    });
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
    const memory = openBitmapMemory(libc, this.#store, cause => log.warn('dump', describeError(cause)));
    this.#memory = memory;
    this.#level = level;
    this.#pages = this.#phases.run('plan', () => this.#choosePages(level, memory));
    for (const warning of this.#pages.warnings) log.warn('dump', warning);
    return this.#pages;
  }

  #choosePages(level: number, { allocate }: BitmapMemory): PageChoice {
    const { log, clock } = this.#context;
    const { pageSizeBytes } = this.#crash.vmcore;
    const say = (text: string) => log.say('dump', `choosing pages: ${text}`);
    const progress = openProgress(pageSizeBytes, say, clock.seconds, QUIET_SECONDS);
    return choosePages(this.#crash, level, {
      allocate,
      onProgress: (done, total) => {
        this.#phases.checkDeadline('plan');
        progress.report(done, total);
      },
    });
  }

  #codec(kind: CodecKind): Codec {
    const { options, ffi, log } = this.#context;
    const known = this.#codecs.get(kind);
    if (known) return known;
    const choices = {
      wished: { name: options.codec },
      strongest: STRONGEST_CODEC,
      triage: SCENE_TRIAGE_CODEC,
    };
    const codec = openCodecOrFallback(
      () => ffi ?? openFfi(),
      { ...choices[kind], pageSizeBytes: this.#crash.vmcore.pageSizeBytes },
      (fallback, cause) =>
        log.warn('dump', `compressing with ${fallback.implementation}: ${describeError(cause)}`),
    );
    this.#codecs.set(kind, codec);
    return codec;
  }

  #unbounded({ pages, codec, layout }: Pick<PlannedDump, 'pages' | 'codec' | 'layout'>): UnboundedDump {
    const { bitmap2, dumpLevel } = pages;
    return { vmcore: this.#crash.vmcore, bitmap2, dumpLevel, codec, layout };
  }
}

function storeOf({ scratch, lend }: DumpRequest['place']): BitmapStore | undefined {
  if (scratch !== undefined) return storeInDirectory(scratch);
  return lend && storeInRoom(lend);
}
