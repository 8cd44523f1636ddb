/** The full matrix: which values meet, and why not all of them do. */
import { CODEC_NAMES } from '../../capture/codecs/table.ts';
import { LAYOUTS } from '../disks/boot-disk.ts';
import { BUSES } from '../disks/buses.ts';
import { LAB_FILE_SYSTEMS } from '../disks/file-systems.ts';
import { completeDump } from '../expect/expectations.ts';
import { FAULTS } from '../faults/all.ts';
import { SOUND } from '../faults/sound.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import { kernelLabel } from '../kernel/lab-kernel.ts';
import { misfitOn, possibleOn } from '../kernel/misfit.ts';
import { TRIGGERS } from '../triggers/triggers.ts';
import type { Cell } from './cell.ts';
import { isPossibleOn } from './fitting.ts';
import { debianKernelNamed, triggerOf, USUAL_KERNEL } from './options.ts';
import { pairwise } from './pairwise.ts';
import { SMOKE } from './smoke-matrix.ts';

/** Triggers and faults take turns on these. */
export const CLOUD_KERNELS = ['6.1-cloud', '6.12-cloud', '7.x-cloud'] as const;
/** Disks and dumps take turns on these. */
const DISK_KERNELS = [
  '6.12-cloud',
  '6.1-generic',
  '7.x-cloud',
  '6.1-cloud',
  '7.x-generic',
  '6.12-cloud',
  '6.12-generic',
  '7.x-cloud',
  '5.10-cloud',
  '6.1-cloud',
] as const;
/** Debian's cloud kernels before 6.12 have no driver. */
const HAVE_AHCI = /generic|^(6\.12|7)/;
/** Where all shapes of memory can be had. */
const HAVE_GEOMETRIES = /^(6\.12|7)/;

const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);
/** The value whose turn it is. */
const turn = <T>(values: readonly T[], number: number): T => values[number % values.length]!;

/**
 * Disks and dumps, pairwise: any two values meet at least once. Levels: without zero pages only, and the usual one; the smoke
 * matrix has others. A machine whose level keeps much has little memory, to be quick.
 */
const DISKS_AND_DUMPS = {
  bus: names(BUSES),
  fs: names(LAB_FILE_SYSTEMS),
  layout: LAYOUTS,
  level: ['1', '31'],
  codec: CODEC_NAMES,
} as const;
const SMALL_MIB = '512';

/** Machines, of which any two values need not meet: they take turns over the rows. */
const KERNEL_WORDS: Readonly<Record<string, readonly string[]>> = {
  amd64: ['', 'nokaslr', 'no5lvl'],
  arm64: ['', 'nokaslr'],
};
const CPUS = ['1', '2', '3', '4'] as const;
const NODES = ['1', '2'] as const;

function machineCells(architecture: string): Cell[] {
  return pairwise(DISKS_AND_DUMPS).map((row, number) => {
    const kernels = DISK_KERNELS.filter(name => row.bus !== 'ahci' || HAVE_AHCI.test(name));
    const words = turn(KERNEL_WORDS[architecture]!, number);
    return {
      kernel: turn(kernels, number),
      cpus: turn(CPUS, number),
      nodes: turn(NODES, Math.floor(number / CPUS.length)),
      ...row,
      ...(row.level === '31' ? {} : { memory: SMALL_MIB }),
      ...(words === '' ? {} : { 'kernel-option': words }),
    };
  });
}

/** Gives each machine that can have one, and whose dump is not the slowest, a shape of memory that the smoke matrix lacks. */
function withGeometries(architecture: string, smoke: readonly Cell[], cells: readonly Cell[]): Cell[] {
  const left = names(GEOMETRIES.filter(possibleOn(architecture)))
    .slice(1)
    .filter(name => !smoke.some(({ geometry }) => geometry === name));
  const changed = cells.map((cell): Cell => {
    const suits = HAVE_GEOMETRIES.test(cell.kernel ?? '') && cell.level === '31' && left.length > 0;
    if (!suits) return cell;
    return { ...cell, geometry: left.shift()! };
  });
  return [...changed, ...left.map(geometry => ({ geometry, kernel: CLOUD_KERNELS[1] }))];
}

/** Each fault once, on kernels in turn: most are not about the kernel. Those that are meet each of these kernels. */
function faultCells(architecture: string, smoke: readonly Cell[]): Cell[] {
  const possible = FAULTS.slice(1).filter(possibleOn(architecture));
  const others = possible.filter(({ name }) => !smoke.some(({ fault }) => fault === name));
  return others.flatMap(({ name, kernel, isAboutKernel }, number) => {
    const kernels = isAboutKernel
      ? CLOUD_KERNELS
      : [kernel ? kernelLabel(kernel) : turn(CLOUD_KERNELS, number)];
    return kernels.map(label => ({ fault: name, kernel: label }));
  });
}

/** A trigger on a kernel. */
type Meeting = Required<Pick<Cell, 'trigger' | 'kernel'>>;

/** In an order in which a trigger comes back on the next kernel only when every other trigger has had its turn. */
function meetings(architecture: string): Meeting[] {
  const triggers = TRIGGERS.filter(possibleOn(architecture));
  const all = CLOUD_KERNELS.flatMap((_, round) =>
    triggers.map(({ name }, number) => ({ trigger: name, kernel: turn(CLOUD_KERNELS, number + round) })),
  );
  return all.filter(
    ({ trigger, kernel }) => !misfitOn({ ...debianKernelNamed(kernel), architecture }, [triggerOf(trigger)]),
  );
}

/** Of three: with all of them the matrix would take twenty minutes more than the 75 that it takes without KVM. */
const KERNELS_OF_A_TRIGGER = 2;
/** These change how much memory is in use, or what the disk holds: they are crashes of their own. */
const ALONE = ['sysrq-c', 'oom', 'hung-task'];

/**
 * A crash that ends with a complete dump may begin with any trigger, and so the triggers need few crashes of their own. A
 * machine of one CPU has none for those that run on the second.
 */
function carries({ fault = SOUND.name, cpus }: Cell): boolean {
  const { expectations, crashes, isPlain } = FAULTS.find(({ name }) => name === fault)!;
  return cpus !== '1' && crashes === undefined && !isPlain && expectations.includes(completeDump);
}

/** Gives each crash that can carry one the next trigger that its kernel still lacks. */
function withTriggers(cells: readonly Cell[], left: Meeting[]): Cell[] {
  return cells.map(cell => {
    const at = carries(cell)
      ? left.findIndex(({ kernel, trigger }) => kernel === cell.kernel && !ALONE.includes(trigger))
      : -1;
    return at < 0 ? cell : { ...cell, ...left.splice(at, 1)[0] };
  });
}

/** Those that make each trigger crash as many kernels as it should, by itself. */
function stillNeeded(left: readonly Meeting[], made: readonly Cell[]): Meeting[] {
  const kernels = new Map<string, number>();
  const count = ({ trigger }: Cell) => kernels.set(trigger!, (kernels.get(trigger!) ?? 0) + 1);
  for (const cell of made) if (cell.trigger) count(cell);
  return left.filter(meeting => {
    const needed = (kernels.get(meeting.trigger) ?? 0) < KERNELS_OF_A_TRIGGER;
    if (needed) count(meeting);
    return needed;
  });
}

/** The smoke matrix, and what it lacks. */
export function fullMatrix(architecture: string): Cell[] {
  // What falls away with a trigger that the architecture lacks comes back as a crash of its own.
  const smoke = SMOKE.filter(cell => isPossibleOn(architecture, cell)).map(cell => ({
    kernel: USUAL_KERNEL,
    ...cell,
  }));
  const left = meetings(architecture).filter(
    ({ trigger, kernel }) => !smoke.some(cell => cell.trigger === trigger && cell.kernel === kernel),
  );
  const carriers = withTriggers(
    [...withGeometries(architecture, smoke, machineCells(architecture)), ...faultCells(architecture, smoke)],
    left,
  );
  const made = [...smoke, ...carriers];
  return [...made, ...stillNeeded(left, made)];
}
