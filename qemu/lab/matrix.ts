/** Which crashes a run of the lab makes: one, a matrix of them by name, or a file's. */
import { readFileSync } from 'node:fs';
import { Failure } from '../../capture/errors.ts';
import { FAULTS } from '../faults/all.ts';
import { SOUND } from '../faults/sound.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import { SYSRQ_CRASH, TRIGGERS } from '../triggers/triggers.ts';

/** One crash: a value on each axis, by name. A kernel is Debian's; undefined is the one that --kernel names. */
export interface Cell {
  readonly kernel?: string;
  readonly geometry: string;
  readonly trigger: string;
  readonly fault: string;
}

export const PLAIN: Cell = { geometry: 'bios', trigger: SYSRQ_CRASH.name, fault: SOUND.name };
const CLOUD_KERNELS = ['6.1-cloud', '6.12-cloud', '7.x-cloud'];

const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);
const along = (axis: 'geometry' | 'trigger' | 'fault', values: readonly string[], base: Cell): Cell[] =>
  values.map(value => ({ ...base, [axis]: value }));

/** Each axis is touched, and every class of crash is made on one of the kernels. */
const SMOKE: readonly Partial<Cell>[] = [
  { kernel: '6.1-cloud', trigger: 'null' },
  { kernel: '6.1-cloud', trigger: 'warn' },
  { kernel: '6.12-cloud', trigger: 'soft-lockup' },
  { kernel: '6.12-cloud', trigger: 'in-nmi' },
  { kernel: '7.x-cloud', trigger: 'stack-overflow' },
  { kernel: '7.x-cloud', trigger: 'rcu-stall' },
  { kernel: '5.10-cloud', trigger: 'other-cpu' },
  { kernel: '6.12-cloud', geometry: 'poisoned' },
  { kernel: '6.1-cloud', geometry: 'uefi' },
  { kernel: '6.1-cloud', fault: 'throw-in-dump' },
  { kernel: '6.1-cloud', fault: 'lean' },
  { kernel: '6.12-cloud', fault: 'write-errors' },
];

interface Matrix {
  readonly name: string;
  readonly help: string;
  /** @param base the values that the options name. */
  readonly cells: (base: Cell) => readonly Cell[];
}

export const MATRICES: readonly Matrix[] = [
  {
    name: 'smoke',
    help: 'a dozen crashes that touch each axis',
    cells: () => SMOKE.map(cell => ({ ...PLAIN, ...cell })),
  },
  { name: 'faults', help: 'every fault', cells: base => along('fault', names(FAULTS), base) },
  { name: 'triggers', help: 'every trigger', cells: base => along('trigger', names(TRIGGERS), base) },
  {
    name: 'geometries',
    help: 'every memory geometry',
    cells: base => along('geometry', names(GEOMETRIES), base),
  },
  {
    name: 'full',
    help: `every fault, and every trigger and geometry on ${CLOUD_KERNELS.join(', ')}`,
    cells: () => [
      ...along('fault', names(FAULTS), PLAIN),
      ...CLOUD_KERNELS.flatMap(kernel => [
        ...along('trigger', names(TRIGGERS).slice(1), { ...PLAIN, kernel }),
        ...along('geometry', names(GEOMETRIES).slice(1), { ...PLAIN, kernel }),
      ]),
    ],
  },
];

/** @param text a matrix's name, or the path of a JSON file: a list of `{"kernel": "6.12", "trigger": "null"}`. */
export function cellsOf(text: string, base: Cell): readonly Cell[] {
  const matrix = MATRICES.find(({ name }) => name === text);
  return matrix ? matrix.cells(base) : readCells(text, base);
}

const AXES = {
  geometry: names(GEOMETRIES),
  trigger: names(TRIGGERS),
  fault: names(FAULTS),
} as const;

function readCells(path: string, base: Cell): Cell[] {
  const fail = (actual: string) =>
    new Failure('BAD_MATRIX', {
      action: `run the matrix ${path}`,
      actual,
      wanted: `one of ${names(MATRICES).join(', ')}, or a JSON file with a list of {kernel, geometry, trigger, fault}`,
    });
  let list: unknown;
  try {
    list = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail((error as Error).message);
  }
  if (!Array.isArray(list) || list.length === 0) throw fail('it is no list of crashes');
  return list.map((item: unknown, at) => {
    for (const [axis, value] of Object.entries(item as object)) {
      const known: readonly string[] | undefined =
        axis === 'kernel' ? [value] : AXES[axis as keyof typeof AXES];
      if (!known?.includes(value)) throw fail(`its item ${at + 1} has ${axis} "${value}"`);
    }
    return { ...base, ...(item as Partial<Cell>) };
  });
}

/** The values that are not the usual ones, for titles: `6.12-cloud null`. */
export function titleOf({ kernel, geometry, trigger, fault }: Cell): string {
  const unusual = [
    geometry === PLAIN.geometry ? '' : geometry,
    trigger === PLAIN.trigger ? '' : trigger,
    fault === PLAIN.fault ? '' : fault,
  ].filter(name => name !== '');
  return [kernel ?? '', ...(unusual.length > 0 ? unusual : [trigger])].join(' ').trim();
}
