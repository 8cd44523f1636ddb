/** Which memory geometry is tried on which kernel: a few by default, all with `npm test -- --full`. */
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { GEOMETRIES } from '../../qemu/geometry/all.ts';
import { kernelLabel } from '../../qemu/kernel/lab-kernel.ts';
import { misfitOn } from '../../qemu/kernel/misfit.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';

export interface Cell {
  readonly geometry: string;
  readonly kernel: KernelChoice;
}

const CLOUD: readonly KernelChoice[] = (['6.1', '6.12', '7.x'] as const).map(series => ({
  series,
  flavour: 'cloud',
}));
/** Where mmap of /proc/vmcore once hung. The cloud kernel 7.2 with the same memory map did not hang. */
const HUNG: Cell = { geometry: 'reserved-top', kernel: { series: '7.x', flavour: 'generic' } };
const SMOKE: readonly Cell[] = [{ geometry: 'poisoned', kernel: { series: '6.12', flavour: 'cloud' } }, HUNG];
const GENERIC: readonly Cell[] = [
  { geometry: 'poisoned', kernel: { series: '6.1', flavour: 'generic' } },
  HUNG,
];

export function cellsFor(env: NodeJS.ProcessEnv): readonly Cell[] {
  return env[FULL_LAB_VARIABLE] ? allCells() : SMOKE;
}

function allCells(): Cell[] {
  const cells = CLOUD.flatMap(kernel => {
    const possible = GEOMETRIES.filter(geometry => !misfitOn(kernelLabel(kernel), [geometry]));
    return possible.map(({ name }) => ({ geometry: name, kernel }));
  });
  return [...cells, ...GENERIC];
}
