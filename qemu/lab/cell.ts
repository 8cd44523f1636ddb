/** One crash of a matrix: options of `npm run crash` by name. What a cell leaves out is as the command line gives it. */
import { type Given, oneOf, UsageError } from '../../scripts/lib/cli/command.ts';
import { FAULTS } from '../faults/all.ts';
import { type Fault, RAW_COPY_BUNDLE } from '../faults/fault.ts';
import { SOUND } from '../faults/sound.ts';
import { kernelLabel } from '../kernel/lab-kernel.ts';
import { fittingKernel, unfitValue } from './fitting.ts';
import { defaultsOf, MACHINE_OPTIONS, type MachineChoice, readMachineOptions } from './options.ts';

const faultNames = FAULTS.map(({ name }) => name);

/** The options that describe a crash. */
export const CRASH_OPTIONS = {
  fault: { value: 'NAME', default: SOUND.name, help: 'what goes wrong: a fault that --list shows' },
  ...MACHINE_OPTIONS,
} as const;
type Crash = Given<typeof CRASH_OPTIONS>;

/** In the order of titles. What these options are set to is a name that says enough by itself. */
const NAMED = ['kernel', 'trigger', 'fault', 'geometry'] as const;
const SIZED = [
  'arch',
  'cpus',
  'nodes',
  'memory',
  'crashkernel',
  'bus',
  'fs',
  'layout',
  'level',
  'codec',
] as const;
const SWITCHES = ['raw'] as const;
const WORDS = ['kernel-option', 'crash-option'] as const;
export const CELL_AXES = [...NAMED, ...SIZED, ...SWITCHES, ...WORDS] as const;
export type CellAxis = (typeof CELL_AXES)[number];

/** Blanks separate the words of a repeatable option. A switch that is there is on. */
export type Cell = { readonly [axis in CellAxis]?: string };

export interface PlannedCell {
  /** The kernel, and all that is unusual, whether the matrix or the command line asks for it. */
  readonly cell: Cell & { readonly kernel: string };
  /** `6.12-cloud null cpus=4 nokaslr` */
  readonly title: string;
  /** The kernel that was asked for, where the crash needs another one. */
  readonly insteadOf?: string;
  readonly choice: MachineChoice;
  readonly fault: Fault;
}

/**
 * The kernel of the plan is the one that crashes: where the fault, the trigger or the geometry cannot be had on the one
 * that was asked for, it is another.
 * @throws UsageError that names the option, its value and what was expected
 */
export function planCell(cell: Cell, given: Crash): PlannedCell {
  const merged = merge(cell, given);
  const asked = readMachineOptions(merged);
  const fault = FAULTS.find(({ name }) => name === oneOf('fault', merged.fault, faultNames))!;
  if (asked.raw && fault.bundle && fault.bundle !== RAW_COPY_BUNDLE) throw rawAndFault(fault);
  const { architecture, trigger, geometry } = asked;
  const unfit = unfitValue(architecture, { fault, trigger, geometry });
  if (unfit) throw unfit;
  const choice = { ...asked, kernel: fittingKernel(asked, fault) };
  const [kernel, askedFor] = [choice, asked].map(nameOfKernel);
  const replaces = merged.kernel !== undefined && askedFor !== kernel;
  const unusual = { ...unusualOf(merged, choice), kernel };
  return {
    cell: unusual,
    title: titleOf(unusual),
    ...(replaces && { insteadOf: askedFor }),
    choice,
    fault,
  };
}

function nameOfKernel({ kernel }: Pick<MachineChoice, 'kernel'>): string {
  return 'path' in kernel ? kernel.path : kernelLabel(kernel);
}

function merge(cell: Cell, given: Crash): Crash {
  const own = Object.entries(cell).map(([axis, text]) => {
    const facts = CRASH_OPTIONS[axis as CellAxis];
    if ('repeatable' in facts) return [axis, text.split(/\s+/)];
    return [axis, 'value' in facts ? text : true];
  });
  // A trigger of the cell's takes the place of commands that were given.
  const command = cell.trigger === undefined ? {} : { 'crash-command': undefined };
  return { ...given, ...command, ...Object.fromEntries(own) };
}

function rawAndFault({ name }: Fault): UsageError {
  return new UsageError('RAW_AND_FAULT', {
    action: 'use --raw',
    actual: `the fault ${name} has a capture program of its own, which makes no raw copy`,
    wanted: 'a fault that leaves the program as it is, as none or disk-slow',
  });
}

const USUAL = defaultsOf(CRASH_OPTIONS);

function unusualOf(merged: Crash, { trigger }: MachineChoice): Cell {
  const texts = { ...merged, trigger: trigger.name };
  const entries = CELL_AXES.flatMap((axis): [CellAxis, string][] => {
    const [value, usual] = [texts, USUAL].map(from => textOf(from[axis]));
    return value === usual ? [] : [[axis, value]];
  });
  return Object.fromEntries(entries);
}

/** A switch that is off is empty, whether it was given as false or not at all. */
function textOf(value: string | boolean | readonly string[] | undefined): string {
  return typeof value === 'object' ? value.join(' ') : String(value || '');
}

function titleOf({ kernel, ...unusual }: Cell): string {
  const parts = [
    ...NAMED.flatMap(axis => (axis === 'kernel' ? [] : (unusual[axis] ?? []))),
    ...SIZED.flatMap(axis => (unusual[axis] === undefined ? [] : `${axis}=${unusual[axis]}`)),
    ...SWITCHES.filter(axis => unusual[axis] !== undefined),
    ...WORDS.flatMap(axis => unusual[axis] ?? []),
  ];
  return [kernel, ...(parts.length > 0 ? parts : [USUAL.trigger])].join(' ');
}
