/** What of a crash fits together: the kernel on which it can be made, and the architecture. */
import { badValue, type UsageError } from '../../scripts/lib/cli/command.ts';
import type { Fault } from '../faults/fault.ts';
import { misfitOn, type NotOn } from '../kernel/misfit.ts';
import type { MachineChoice } from './options.ts';

/** Where the fault, the trigger or the geometry cannot be had on the kernel that was asked for, it is another. One's own stays. */
export function fittingKernel(
  {
    kernel,
    trigger,
    geometry,
    architecture,
  }: Pick<MachineChoice, 'kernel' | 'trigger' | 'geometry' | 'architecture'>,
  fault: Pick<Fault, 'kernel'>,
): MachineChoice['kernel'] {
  if ('path' in kernel) return kernel;
  const other = fault.kernel ?? misfitOn({ ...kernel, architecture }, [trigger, geometry])?.instead;
  return other ? { ...kernel, ...other } : kernel;
}

interface Value {
  readonly name: string;
  readonly notOn?: NotOn;
}

/** The values that an architecture cannot have, each with its option: undefined where it has them all. */
export function unfitValue(
  architecture: string,
  values: Readonly<Record<'fault' | 'trigger' | 'geometry', Value>>,
): UsageError | undefined {
  for (const [option, { name, notOn }] of Object.entries(values)) {
    const why = notOn?.[architecture];
    if (why) return badValue(option, name, `another ${option} on ${architecture}: ${why}`);
  }
  return undefined;
}
