/**
 * What is made beside the dump: the autopsy, by another process, and the triage dump of the pages that it chooses. Both come first,
 * for a dump that is lost or does not fit. Where the crash kernel has another CPU, the dump is short, and there is room for everything,
 * one thread makes it while the program reads, and then the program's process helps (threads/helper.ts): the machine is back sooner.
 */
import type { CodecName } from '../codecs/table.ts';
import { attempt, describeError } from '../errors.ts';
import { LADDER } from '../storage/policy/ladder.ts';
import { compressingSeconds } from '../threads/cost.ts';
import { MOST_TRIAGE_BYTES } from '../triage/bitmap.ts';
import type { DumpPlanner } from './plan.ts';
import type { DumpRequest, MadeDump } from './record.ts';
import { chooseThreads } from './threads.ts';
import { saveTriage, type TriageAfter } from './triage.ts';

/** Of compressing on one CPU. An autopsy takes a third of a second of such a CPU: of a longer dump, threads save more. */
const MOST_SECONDS = 0.7;

export class BesideDump {
  readonly #request: DumpRequest;
  readonly #planner: DumpPlanner;
  #isTaken = false;

  constructor(request: DumpRequest, planner: DumpPlanner) {
    this.#request = request;
    this.#planner = planner;
  }

  /** Before the dump, unless that is made meanwhile. @throws DeadlineError */
  takeFirst(): void {
    if (this.#mayWait()) {
      this.#request.context.log.say('autopsy', 'another CPU reads the memory while the dump is made');
    } else this.take();
  }

  /** Once, as soon as the autopsy is over. @throws DeadlineError */
  take(): void {
    this.#take('follows');
  }

  /** After the dump, whatever came of it. @param made undefined where there is none. Never throws. */
  takeLast(made: MadeDump | undefined): void {
    attempt(
      () => this.#take(made?.state === 'complete' ? made.dump : 'failed'),
      error => this.#request.context.log.say('triage', `skipped: ${describeError(error)}`),
    );
  }

  #take(dump: TriageAfter): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#request.scene.finish();
    const triage = saveTriage(this.#request, this.#planner, dump);
    if (triage) this.#request.onTriage?.(triage);
  }

  #mayWait(): boolean {
    const { scene, context, keeper } = this.#request;
    if (!scene.isRunning) return false;
    const { pages, codec, prediction } = this.#planner.plan(LADDER[0]);
    const seconds = compressingSeconds(pages.bitmap2.count(), codec.name as CodecName | 'none');
    const threads = chooseThreads(context, { codec, bitmap2: pages.bitmap2 });
    if (seconds > MOST_SECONDS && typeof threads === 'number' && threads > 1) return false;
    return prediction.needBytes + MOST_TRIAGE_BYTES <= keeper.room().users;
  }
}
