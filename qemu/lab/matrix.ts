/** Which crashes a run of the lab makes: one, a matrix of them by name, or a file's. */
import { readFileSync } from 'node:fs';
import { Failure } from '../../capture/errors.ts';
import { type Given, UsageError } from '../../scripts/lib/cli/command.ts';
import { FAULTS } from '../faults/all.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import { TRIGGERS } from '../triggers/triggers.ts';
import { CELL_AXES, type Cell, type CRASH_OPTIONS, type PlannedCell, planCell } from './cell.ts';
import { isPossibleOn } from './fitting.ts';
import { CLOUD_KERNELS, fullMatrix } from './full-matrix.ts';
import { readMachineOptions } from './options.ts';
import { SMOKE } from './smoke-matrix.ts';

interface Matrix {
  readonly name: string;
  readonly help: string;
  /** @param architecture Debian’s name of it. */
  readonly cells: (architecture: string) => readonly Cell[];
}

const along = (axis: 'geometry' | 'trigger' | 'fault', rows: readonly { readonly name: string }[]) => () =>
  rows.map(({ name }): Cell => ({ [axis]: name }));

export const MATRICES: readonly Matrix[] = [
  {
    name: 'smoke',
    help: 'every class of crash, each axis, and the capture’s worst moments: what npm test runs',
    cells: () => SMOKE,
  },
  { name: 'faults', help: 'every fault', cells: along('fault', FAULTS) },
  { name: 'triggers', help: 'every trigger', cells: along('trigger', TRIGGERS) },
  { name: 'geometries', help: 'every memory geometry', cells: along('geometry', GEOMETRIES) },
  {
    name: 'full',
    help: `every fault, geometry and trigger, on ${CLOUD_KERNELS.join(', ')} in turn; disks, levels and codecs pairwise, on more kernels`,
    cells: fullMatrix,
  },
];

/**
 * The crashes of a matrix, each once.
 * @param text a matrix's name, or the path of a JSON file: a list of `{"kernel": "6.12-cloud", "cpus": 4}`.
 */
export function planMatrix(text: string, given: Given<typeof CRASH_OPTIONS>): PlannedCell[] {
  const matrix = MATRICES.find(({ name }) => name === text);
  const { architecture } = readMachineOptions(given);
  const planned = matrix
    ? matrix
        .cells(architecture)
        .filter(cell => isPossibleOn(architecture, cell))
        .map(cell => planCell(cell, given))
    : readFile(text, given);
  return [...new Map(planned.map(cell => [cell.title, cell])).values()];
}

function readFile(path: string, given: Given<typeof CRASH_OPTIONS>): PlannedCell[] {
  const fail = (actual: string) =>
    new Failure('BAD_MATRIX', {
      action: `run the matrix ${path}`,
      actual,
      wanted: `one of ${MATRICES.map(({ name }) => name).join(', ')}, or a JSON file with a list of objects with some of ${CELL_AXES.join(', ')}`,
    });
  let list: unknown;
  try {
    list = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail((error as Error).message);
  }
  if (!Array.isArray(list) || list.length === 0) throw fail('it is no list of crashes');
  return list.map((item: object, at) => {
    const cell = Object.fromEntries(Object.entries(item).map(([axis, value]) => [axis, String(value)]));
    const other = Object.entries(cell).find(([axis]) => !(CELL_AXES as readonly string[]).includes(axis));
    if (other) throw fail(`its item ${at + 1} has ${other[0]} "${other[1]}"`);
    try {
      return planCell(cell, given);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw fail(`in its item ${at + 1}: ${error.message}`);
    }
  });
}
