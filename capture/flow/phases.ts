/** The phases of a capture: named for the supervisor, timed for the manifest, and stopped at the overall deadline. */
import { Failure } from '../errors.ts';
import type { Heartbeat } from '../init/heartbeat.ts';
import type { CaptureHooks, Clock } from './context.ts';

export class DeadlineError extends Failure {}

export interface Timing {
  readonly clock: Clock;
  /** Since the capture kernel's start. */
  readonly deadlineSeconds: number;
  readonly heartbeat: Heartbeat;
  readonly hooks: CaptureHooks;
}

export class Phases {
  /** Phase -> seconds, in the order they ran. */
  readonly seconds: Record<string, number> = {};
  readonly #timing: Timing;
  #onProgress: (() => void) | undefined;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Runs one phase. @throws what `work` throws, and DeadlineError when it is too late to begin. */
  run<T>(name: string, work: () => T): T {
    return this.runLast(name, () => {
      this.checkDeadline(name);
      return work();
    });
  }

  /** Runs a phase that must not be skipped, after the deadline as well. */
  runLast<T>(name: string, work: () => T): T {
    const { clock, heartbeat, hooks } = this.#timing;
    const started = clock.seconds();
    heartbeat.enter(name);
    try {
      hooks.onPhase?.(name);
      this.#onProgress?.();
      return work();
    } finally {
      // A fallback target runs its phases again.
      const seconds = (this.seconds[name] ?? 0) + clock.seconds() - started;
      this.seconds[name] = Number(seconds.toFixed(3));
    }
  }

  /** Runs work, and looks after something else whenever its phases begin or make progress. @param look never throws. */
  attending<T>(look: () => void, work: () => T): T {
    const other = this.#onProgress;
    this.#onProgress = look;
    try {
      return work();
    } finally {
      this.#onProgress = other;
    }
  }

  /** Work calls this whenever it has made progress; the supervisor takes a phase that does not for stuck. */
  madeProgress(): void {
    this.#timing.heartbeat.beat();
    this.#onProgress?.();
  }

  /** As `madeProgress`, for work that must end at the deadline. @throws DeadlineError */
  checkDeadline(phase: string): void {
    const { clock, deadlineSeconds } = this.#timing;
    this.madeProgress();
    if (clock.seconds() < deadlineSeconds) return;
    throw new DeadlineError('DEADLINE', {
      action: `go on with the phase ${phase}`,
      actual: `the capture's ${deadlineSeconds} s are over`,
      wanted: 'a larger deadlineSeconds for this machine',
    });
  }
}
