/** The autopsy of one capture, whichever targets are tried: its program is started once, and what came of it is known from then on. */
import type { HelperProcess } from '../threads/helper.ts';
import { type AutopsyRun, startAutopsy } from './autopsy-run.ts';
import type { CaptureContext } from './context.ts';
import type { Findings, FoundAutopsy, SceneProgram } from './record.ts';

export class AutopsyWork implements SceneProgram {
  readonly #context: CaptureContext;
  readonly #findings: Findings;
  readonly #bootSeconds: number;
  #run: AutopsyRun | undefined;

  /** @param bootSeconds from the crash kernel's start to this program's. */
  constructor(context: CaptureContext, findings: Findings, bootSeconds: number) {
    this.#context = context;
    this.#findings = findings;
    this.#bootSeconds = bootSeconds;
  }

  get helper(): HelperProcess | undefined {
    return this.#run?.helper;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  start(): void {
    if (this.#run || this.#findings.autopsy) return;
    const started = startAutopsy(this.#context, this.#bootSeconds);
    if ('record' in started) this.#know(started);
    else this.#run = started;
  }

  look(): FoundAutopsy | undefined {
    const found = this.#run?.look();
    return found ? this.#know(found) : this.#findings.autopsy;
  }

  fail(why: string): FoundAutopsy | undefined {
    return this.#run ? this.#know(this.#run.fail(why)) : this.#findings.autopsy;
  }

  #know(found: FoundAutopsy): FoundAutopsy {
    this.#findings.autopsy = found;
    this.#run = undefined;
    this.#context.autopsist.discard();
    return found;
  }
}
