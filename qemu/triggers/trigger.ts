/** A way to crash the first kernel, as data: how, and what its crash must look like to a reader of the dump. */
import type { ClassName } from '../../capture/autopsy/summary/classes.ts';
import type { Misfit, NotOn } from '../kernel/misfit.ts';
import type { MonitorStep } from '../machine/dialogue.ts';

export interface Trigger {
  readonly name: string;
  /** One line for --list. */
  readonly help: string;
  /** Shell commands that the first kernel's PID 1 runs; the kernel does not survive them. */
  readonly command: string;
  /** What QEMU's monitor does when the command has printed a line. */
  readonly monitor?: MonitorStep;
  /** The guest has the lab's module that breaks the kernel. */
  readonly needsModule?: true;
  /** Words for the first kernel's command line. */
  readonly kernelWords?: readonly string[];
  readonly misfit?: Misfit;
  readonly notOn?: NotOn;
  /** Found in the line with which the kernel gave up: panic()'s, or an oops's where no panic() follows. */
  readonly panic: RegExp;
  /** The cause that the manifest must name, where an earlier message says more than the panic. */
  readonly cause?: RegExp;
  /** Functions on the stack of the task that panicked. */
  readonly frames: readonly string[];
  /** undefined for commands of which the lab does not know what they do. */
  readonly report?: ReportedCrash;
  /** What differs in it on another architecture, by Debian’s name of that. */
  readonly reportOn?: Readonly<Partial<Record<string, Partial<ReportedCrash>>>>;
}

/** What `kdumpling report --json` must say about the crash. */
export interface ReportedCrash {
  readonly class: ClassName;
  /** The function to blame; absent where the report must blame none. */
  readonly culprit?: string;
  /** The culprit's module; absent where it is built in. */
  readonly module?: string;
  /** The task that ran, where the report must name it. */
  readonly comm?: string;
  readonly cpu?: number;
}
