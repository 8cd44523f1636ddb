/**
 * One run of the autopsy program (scene/child.ts), from its start to what came of it. Whoever has the time looks after it: the
 * capture that waits for it, or the dump that is made meanwhile.
 */
import { AUTOPSY_JSON, AUTOPSY_TEXT } from '../autopsy/summary/autopsy.ts';
import { attempt, describeError } from '../errors.ts';
import { bytesOf, MEMINFO, roomBesideWaiting, tooLittleMemory } from '../init/meminfo.ts';
import type { RunningAutopsy } from '../scene/child.ts';
import type { SceneResult } from '../scene/files.ts';
import type { HelperProcess } from '../threads/helper.ts';
import { type AutopsyView, AutopsyWatch, neededBytes } from './autopsy-watch.ts';
import type { CaptureContext } from './context.ts';
import type { FoundAutopsy } from './record.ts';

const VMSTAT = '/proc/vmstat';
const LOOK_EVERY_SECONDS = 0.2;
/** Between two looks it is only asked whether the next is due. */
export const ASK_EVERY_SECONDS = 0.05;
/** For the kernel to end a process that was killed. One that is held in a read of the vmcore is left behind. */
const LOOKS_AFTER_KILL = 10;

type Result = ReturnType<RunningAutopsy['result']>;

export interface AutopsyRun {
  /** Its process, for the dump that is made meanwhile. */
  readonly helper: HelperProcess;
  /** What came of it, once it has ended or had to be ended; undefined while it goes on. Never throws. */
  look(): FoundAutopsy | undefined;
  /** Ends it for another reason. */
  fail(why: string): FoundAutopsy;
}

/** @param bootSeconds from the crash kernel's start to this program's. @returns what came of it where it is not started. */
export function startAutopsy(context: CaptureContext, bootSeconds: number): AutopsyRun | FoundAutopsy {
  const { autopsist, options } = context;
  if (options.autopsy === 'no') return without(context, 'skipped', 'the option autopsy is no');
  const room = roomIn(context);
  const needed = neededBytes(false);
  if (room.bytes < needed) return without(context, 'skipped', tooLittleMemory(room.bytes, needed));
  try {
    return new Run(context, autopsist.start(options.triage === 'tables'), bootSeconds, room);
  } catch (error) {
    return without(context, 'failed', describeError(error));
  }
}

/** Whether there is another CPU, and memory for the capture's own work meanwhile. */
export function hasRoomBeside(context: CaptureContext): boolean {
  return roomIn(context).isBeside;
}

interface Room {
  /** Infinity where the kernel does not say it. */
  readonly bytes: number;
  /** See hasRoomBeside. */
  readonly isBeside: boolean;
}

function roomIn(context: CaptureContext): Room {
  const meminfo = textOf(context, MEMINFO);
  const available = bytesOf(meminfo, 'MemAvailable') ?? Number.POSITIVE_INFINITY;
  if (context.compressors.cpus > 1 && available >= neededBytes(true))
    return { bytes: available, isBeside: true };
  return { bytes: roomBesideWaiting(meminfo) ?? Number.POSITIVE_INFINITY, isBeside: false };
}

class Run implements AutopsyRun {
  readonly #context: CaptureContext;
  readonly #running: RunningAutopsy;
  readonly #watcher: AutopsyWatch;
  #found: FoundAutopsy | undefined;
  #nextAsk = 0;
  #nextLook = 0;

  constructor(context: CaptureContext, running: RunningAutopsy, bootSeconds: number, room: Room) {
    this.#context = context;
    this.#running = running;
    this.#watcher = new AutopsyWatch(viewOf(context), {
      deadlineSeconds: context.options.deadlineSeconds,
      bootSeconds,
      roomBytes: room.bytes,
      isBeside: room.isBeside,
    });
  }

  get helper(): HelperProcess {
    return this.#running;
  }

  look(): FoundAutopsy | undefined {
    const now = this.#context.clock.seconds();
    if (this.#found || now < this.#nextAsk) return this.#found;
    this.#nextAsk = now + ASK_EVERY_SECONDS;
    if (now < this.#nextLook && !this.#running.isDue()) return undefined;
    this.#nextLook = now + LOOK_EVERY_SECONDS;
    try {
      const result = this.#result();
      if (result) this.#found = foundBy(this.#context, this.#running, result);
    } catch (error) {
      this.fail(describeError(error));
    }
    return this.#found;
  }

  fail(why: string): FoundAutopsy {
    attempt(() => this.#end());
    this.#found = without(this.#context, 'failed', why);
    return this.#found;
  }

  #result(): Result | undefined {
    const running = this.#running;
    if (running.isHelping() || !running.isRunning()) return running.result();
    running.begin(this.#watcher.mostOwnBytes);
    const why = this.#watcher.look(viewOf(this.#context, running));
    if (why === undefined) return undefined;
    const result = running.result();
    this.#end();
    // What comes after the autopsy itself, the choice of pages for triage, may take longer than there is time for.
    if (result.state !== 'saved') return { state: 'failed', why: `it was ended: ${why}` };
    this.#context.log.say('triage', `skipped: the choice of pages was ended: ${why}`);
    return result;
  }

  #end(): void {
    const { clock } = this.#context;
    if (this.#running.isRunning()) this.#running.kill();
    for (let looks = 0; looks < LOOKS_AFTER_KILL && this.#running.isRunning(); looks++)
      clock.sleep(LOOK_EVERY_SECONDS);
  }
}

function foundBy(context: CaptureContext, running: RunningAutopsy, result: Result): FoundAutopsy {
  if (result.state !== 'saved') return without(context, result.state, result.why);
  return {
    record: recordOf(result),
    texts: new Map([
      [AUTOPSY_TEXT, running.read('text')],
      [AUTOPSY_JSON, running.read('json')],
    ]),
    pages: attempt(() => running.pages()),
  };
}

function recordOf({ class: name, culprit }: SceneResult & { state: 'saved' }): FoundAutopsy['record'] {
  return {
    state: 'saved',
    ...(name !== undefined && { class: name }),
    ...(culprit !== undefined && { culprit }),
  };
}

function without({ log }: CaptureContext, state: 'skipped' | 'failed', why: string): FoundAutopsy {
  if (state === 'failed') log.warn('autopsy', why);
  else log.say('autopsy', `skipped: ${why}`);
  return { record: { state, why }, texts: new Map() };
}

function viewOf(context: CaptureContext, running?: RunningAutopsy): AutopsyView {
  return {
    nowSeconds: context.clock.seconds(),
    progress: running?.progress() ?? '',
    ownBytes: running?.anonymousBytes() ?? 0,
    refaults: Number(/^workingset_refault_file (\d+)$/m.exec(textOf(context, VMSTAT))?.[1] ?? 0),
  };
}

function textOf({ readText }: CaptureContext, path: string): string {
  return attempt(() => readText(path)) ?? '';
}
