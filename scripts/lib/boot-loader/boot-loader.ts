/** What sets a word on the kernel command line of the next boots: one small driver for each kind of host. */
import type { Host } from '../host/host.ts';

export interface BootLoader {
  /** For messages. */
  readonly name: string;
  /** Whether this is what boots the machine. */
  detect(host: Host): boolean;
  /** The crashkernel= that the next boot will have; undefined for none. */
  configured(host: Host): string | undefined;
  /**
   * What setting it will do, before anything is done: it is written down first, so that an interruption can be undone.
   * @param before what an earlier `apply` did, whose beginning counts. @throws SystemError where it cannot be set.
   */
  plan(host: Host, value: string, before: Undo | undefined): Undo;
  /** Does it. @returns the plan, with what the files are then. @throws Failure; then nothing is changed. */
  apply(host: Host, plan: Undo): Undo;
  /** What was there before comes back, byte for byte where nobody else wrote meanwhile. */
  undo(host: Host, undo: Undo): void;
}

/** What is done, kept in a file until it is undone. */
export interface Undo {
  readonly value: string;
  /** What the host had before. */
  readonly valueBefore?: string;
  /** Files that were edited. */
  readonly edits?: readonly Edit[];
}

export interface Edit {
  readonly path: string;
  /** Absent when there was no such file. */
  readonly before?: string;
  /** What the change made of it; absent until it is made. */
  readonly after?: string;
}

export const PARAMETER = 'crashkernel';

/** The last one counts (Linux kernel/crash_reserve.c, get_last_crashkernel). */
export function crashkernelOf(commandLine: string): string | undefined {
  const words = commandLine.split(/[\s"']+/).filter(word => word.startsWith(`${PARAMETER}=`));
  return words.at(-1)?.slice(PARAMETER.length + 1);
}

const WORD = `${PARAMETER}=[^\\s"']*`;

/** The command line with this value and no other, at the place of the first or at the end; undefined takes it out. */
export function withCrashkernel(commandLine: string, value: string | undefined): string {
  if (value === undefined) {
    const rest = commandLine.replace(new RegExp(`^${WORD}[ \\t]*`), '');
    return rest.replace(new RegExp(`[ \\t]${WORD}`, 'g'), '');
  }
  let placed = false;
  const replaced = commandLine.replace(new RegExp(`(^|[ \\t])${WORD}`, 'g'), (_, blank: string) => {
    if (placed) return '';
    placed = true;
    return `${blank}${PARAMETER}=${value}`;
  });
  if (placed) return replaced;
  return `${commandLine}${commandLine === '' ? '' : ' '}${PARAMETER}=${value}`;
}

/** A file with this value in each line that has one; undefined takes it out. */
export function replaceCrashkernel(text: string, value: string | undefined): string {
  const change = (line: string) => (crashkernelOf(line) === undefined ? line : withCrashkernel(line, value));
  return text.split('\n').map(change).join('\n');
}
