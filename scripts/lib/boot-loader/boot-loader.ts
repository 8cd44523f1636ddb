/** What puts `crashkernel=` on the kernel command line of the next boots: one small driver for each kind of host. */
import type { CrashkernelValues } from '../crashkernel/words.ts';
import type { Host } from '../host/host.ts';

export interface BootLoader {
  /** For messages. */
  readonly name: string;
  /** Whether this is what boots the machine. */
  detect(host: Host): boolean;
  /** The kernel command lines of the entries that may boot next, the default one first. What is set is read back from here. */
  commandLines(host: Host): readonly string[];
  /**
   * What setting the values will do, before anything is done: it is recorded first, so that an interruption can be undone.
   * @param before what an earlier `apply` did, whose beginning counts. @throws SystemError where it cannot be set.
   */
  plan(host: Host, values: CrashkernelValues, before: Undo | undefined): Undo;
  /** Does it. @returns the plan, with what the files are then. @throws Failure; then nothing is changed. */
  apply(host: Host, plan: Undo): Undo;
  /** Restores what was there before, byte for byte where nobody else wrote in the meantime. */
  undo(host: Host, undo: Undo): void;
}

/** What is done, kept in a file until it is undone. */
export interface Undo {
  readonly values: CrashkernelValues;
  /** What the host had before. */
  readonly valuesBefore: CrashkernelValues;
  /** Files that were edited. */
  readonly edits?: readonly Edit[];
}

export interface Edit {
  readonly path: string;
  /** Absent when there was no such file. */
  readonly before?: FileState;
  /** What the change made of it; absent until it is made. */
  readonly after?: string;
}

/** A file as it is to come back. */
export interface FileState {
  readonly text: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}
