/** Which functions of a stack say what went wrong: the culprit first, then those that called it. */
import type { CrashClass } from './classes.ts';
import { isMachinery } from './machinery.ts';

/** A frame of a log's trace or of an unwound stack. */
export interface NamedFrame {
  /** Absent where no symbol is known. */
  readonly name?: string;
  readonly doubtful?: true;
}

export interface PlacedFrame extends NamedFrame {
  readonly context?: string;
  readonly interrupted?: boolean;
}

export interface Place<P extends NamedFrame, T extends PlacedFrame> {
  /** Where the CPU was; undefined where the stack begins with a call. */
  readonly at?: P;
  /** Innermost first. */
  readonly trace: readonly T[];
}

/** @param named the function that the kernel's headline names: the kernel knows best. */
export function tellingFrames<P extends NamedFrame, T extends PlacedFrame>(
  { at, trace }: Place<P, T>,
  blame: CrashClass['blame'],
  named?: P,
): (P | T)[] {
  if (blame === 'nowhere') return [];
  const framesOf = (seen: readonly T[]) =>
    withoutRepeats<P | T>(
      blame === 'interrupted' ? interruptedFrames(at, seen) : [...(at ? [at] : []), ...seen],
    ).filter(({ name }) => name !== undefined && !isMachinery(name));
  const sure = framesOf(trace.filter(({ doubtful }) => !doubtful));
  // After a jump to a bad address the unwinder is sure of nothing.
  const frames = sure.length > 0 ? sure : framesOf(trace);
  if (named?.name === undefined || isMachinery(named.name)) return frames;
  const place = frames.findIndex(({ name }) => name === named.name);
  return [named, ...(place < 0 ? frames : frames.slice(place + 1))];
}

/** What ran before the interrupt: the pointer of the report, or the one within the trace, and its callers. */
function interruptedFrames<P, T extends PlacedFrame>(at: P | undefined, trace: readonly T[]): (P | T)[] {
  const behind = trace.filter(({ interrupted }) => interrupted);
  if (at) return [at, ...(behind.length > 0 ? behind : trace)];
  if (behind.length > 0) return behind;
  return trace.filter(({ context }) => context !== 'NMI' && context !== 'IRQ');
}

/** A pointer is often the first frame of its trace, too. */
function withoutRepeats<T extends NamedFrame>(frames: readonly T[]): T[] {
  return frames.filter(({ name }, i) => i === 0 || name !== frames[i - 1]?.name);
}
