/** What of a crash fits together: the kernel on which it can be made, and the architecture. */
import { badValue, type UsageError } from '../../scripts/lib/cli/command.ts';
import { FAULTS } from '../faults/all.ts';
import type { Fault } from '../faults/fault.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import { misfitOn, type NotOn, possibleOn } from '../kernel/misfit.ts';
import { TRIGGERS } from '../triggers/triggers.ts';
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

/** Whether the architecture has all that a crash of a matrix asks for. */
export function isPossibleOn(
  architecture: string,
  { trigger, geometry, fault }: Readonly<Partial<Record<'trigger' | 'geometry' | 'fault', string>>>,
): boolean {
  const values = [
    TRIGGERS.find(({ name }) => name === trigger),
    GEOMETRIES.find(({ name }) => name === geometry),
    FAULTS.find(({ name }) => name === fault),
  ];
  return values.every(value => value === undefined || possibleOn(architecture)(value));
}
