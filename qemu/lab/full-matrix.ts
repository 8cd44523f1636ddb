/** The full matrix: which values meet, and why not all of them do. */
import { CODEC_NAMES } from '../../capture/codecs/table.ts';
import { LAYOUTS } from '../disks/boot-disk.ts';
import { BUSES } from '../disks/buses.ts';
import { LAB_FILE_SYSTEMS } from '../disks/file-systems.ts';
import { FAULTS } from '../faults/all.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import { TRIGGERS } from '../triggers/triggers.ts';
import type { Cell } from './cell.ts';
import { pairwise } from './pairwise.ts';

/** On each of these every trigger is made, and the faults take turns. */
export const CLOUD_KERNELS = ['6.1-cloud', '6.12-cloud', '7.x-cloud'] as const;
/** The machines of MACHINES take turns on these. */
const OTHER_KERNELS = ['6.12-cloud', '7.x-cloud', '6.1-generic', '6.12-generic', '7.x-generic', '5.10-cloud'];
/** Debian's cloud kernels before 7 have no driver. */
const HAVE_AHCI = /generic|^7/;
/** Where all shapes of memory can be had. */
const HAVE_GEOMETRIES = /^(6\.12|7)/;

const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);
/** The value whose turn it is. */
const turn = <T>(values: readonly T[], number: number): T => values[number % values.length]!;

/**
 * Disks and dumps, pairwise: any two values meet at least once. Levels: all pages, without zero pages, with the page
 * cache, and the usual one. A machine whose level keeps much has little memory, to be quick.
 */
const DISKS_AND_DUMPS = {
  bus: names(BUSES),
  fs: names(LAB_FILE_SYSTEMS),
  layout: LAYOUTS,
  level: ['0', '1', '17', '31'],
  codec: CODEC_NAMES,
} as const;
const SMALL_MIB = '512';

/** Machines, of which any two values need not meet: they take turns over the rows. */
const KERNEL_WORDS = ['', 'nokaslr', 'no5lvl'] as const;
const CPUS = ['1', '2', '3', '4'] as const;
const NODES = ['1', '2'] as const;

function machineCells(): Cell[] {
  return pairwise(DISKS_AND_DUMPS).map((row, number) => {
    const kernels = OTHER_KERNELS.filter(name => row.bus !== 'ahci' || HAVE_AHCI.test(name));
    const words = turn(KERNEL_WORDS, number);
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

function geometryCells(): Cell[] {
  const kernels = CLOUD_KERNELS.filter(name => HAVE_GEOMETRIES.test(name));
  return names(GEOMETRIES)
    .slice(1)
    .map((geometry, number) => ({ geometry, kernel: turn(kernels, number) }));
}

function triggerCells(): Cell[] {
  return CLOUD_KERNELS.flatMap(kernel => names(TRIGGERS).map(trigger => ({ kernel, trigger })));
}

/** Each fault once. Most are not about the kernel: it takes turns. */
function faultCells(): Cell[] {
  return names(FAULTS)
    .slice(1)
    .map((fault, number) => ({ fault, kernel: turn(CLOUD_KERNELS, number) }));
}

export function fullMatrix(): Cell[] {
  return [
    ...triggerCells(),
    ...geometryCells(),
    ...machineCells(),
    ...faultCells(),
    { kernel: '6.12-cloud', raw: 'yes' },
  ];
}
